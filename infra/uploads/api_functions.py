"""The Lambda functions of the upload API: one for each entry point of `api.functions`, each with a role of its own.

What calls them: API Gateway (upload_api.py), EventBridge (bucket_events.py), and the queue of purges, here.
No function is in a VPC: those that fetch URLs must not reach anything inside (docs/security.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.config import ApiConfig, ConfigurationError
from infra.findings import acknowledge, skip_checkov
from infra.log_groups import log_group
from infra.uploads.bucket_events import BucketEvents
from infra.uploads.function_grants import findings_of, rights_of, writes_logs
from infra.uploads.function_resources import GATEWAY_SECONDS, FunctionResources, environment_of
from infra.uploads.purge_queue import PURGE_SECONDS, queue_of_failures

if TYPE_CHECKING:
    from aws_cdk import aws_cloudfront as cloudfront
    from aws_cdk import aws_secretsmanager as secretsmanager

    from infra.storage import Storage
    from infra.uploads.purge_queue import PurgeQueue

EVENT_HOURS: Final = 6
"""What Lambda keeps an event for at the most: a change that is lost is a picture that stays until its TTL."""
EVENT_RETRIES: Final = 2
"""Lambda's most; after them the event goes to `failures`."""

BATCH: Final = 1_000
"""Orders of one call of `purge`; CloudFront takes 3,000 paths at a time for a distribution."""
BATCH_WINDOW_SECONDS: Final = 2
"""Merges the orders of a write and of its event into one path, and delays a purge by as much."""
PURGES_AT_A_TIME: Final = 2
"""Lambda's least for a queue. More would only meet each other at CloudFront's quota."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a function is given.

    Attributes:
        package: folder of its code.
        memory_mib: of which CPU is a share: 1,769 MiB is one.
        seconds: until it is ended.
        share: of a burst of requests that is under way in it at a time.
        least: runs that it may have at a time, however small a burst is.
    """

    package: str = "plain"
    memory_mib: int = 256
    seconds: int = GATEWAY_SECONDS
    share: float = 0.3
    least: int = 5

    def concurrency(self, burst: int) -> int:
        """Reserved: what it may take from the account, and what others cannot take from it."""
        return max(self.least, ceil(burst * self.share))


SHAPES: Final[Mapping[str, Shape]] = {
    # 10-bit AVIF of 50 megapixels took 1.29 GB; 2 GB is more than one CPU as well (docs/security.md). 0.9-1.3 s each.
    "upload": Shape(package="pictures", memory_mib=2048, share=1.5),
    "presign": Shape(),
    "read": Shape(),
    # 0.4 s of CPU until the store of results is open, which the first deletion waits for: 2 s at the most.
    "delete": Shape(memory_mib=512),
    # 0.2 s of CPU until the SDK has its first answer, for which every first request waits: 0.7 s with 512 MiB, twice
    # that with 256. Secrets Manager gets two attempts of 7 s: ended before, the list that still serves would be lost.
    "authorize": Shape(memory_mib=512, seconds=20),
    # 60 s to read 100 MiB, 20 s to inspect, the rest for the store.
    "arrival": Shape(package="pictures", memory_mib=2048, seconds=180, share=0, least=10),
    "change": Shape(seconds=30, share=0, least=10),
    # 3.5 ms of CPU for each order (measured: 500 without results, versitygw): a whole batch has half of the 60 s for
    # results, and 256 MiB are a seventh of a CPU.
    "purge": Shape(memory_mib=1024, seconds=PURGE_SECONDS, share=0, least=PURGES_AT_A_TIME),
}

EVENT_FUNCTIONS: Final = frozenset({"arrival", "change"})
"""Those that nobody waits for."""

RUNTIME: Final = lambda_.Runtime.PYTHON_3_13
"""What `make packages` takes wheels and byte code for."""


class ApiFunctions(Construct):
    """The functions, their roles and logs, and what calls those that no request calls.

    With `auth` iam there is no `authorize`: API Gateway asks IAM.

    Attributes:
        by_name: by the entry points' names.
        log_groups: likewise.
        failures: events that no function could deal with.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: ApiConfig,
        packages: Path,
        storage: Storage,
        purges: PurgeQueue,
        distribution: cloudfront.Distribution,
        tokens: secretsmanager.ISecret,
        timeout_seconds: int,
        log_retention_days: int,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._timeout_seconds = timeout_seconds
        self._code = _code_in(packages)
        self._resources = FunctionResources(
            originals=storage.originals,
            results=storage.results,
            purges=purges.queue,
            distribution=distribution,
            tokens=tokens,
        )
        self.failures = queue_of_failures(self, "Failures")
        names = [name for name in SHAPES if name != "authorize" or config.auth == "tokens"]
        self.log_groups: Mapping[str, logs.LogGroup] = {
            name: log_group(self, f"{name.capitalize()}Log", days=log_retention_days) for name in names
        }
        self.by_name: Mapping[str, lambda_.Function] = {name: self._function(name) for name in names}
        self._feed_purges(purges.queue)
        BucketEvents(
            self,
            "BucketEvents",
            bucket=storage.originals,
            arrival=self.by_name["arrival"],
            change=self.by_name["change"],
            failures=self.failures,
        )

    def _function(self, name: str) -> lambda_.Function:
        shape = SHAPES[name]
        function = lambda_.Function(
            self,
            name.capitalize(),
            description=f"Bildwerk: api.functions.{name}",
            code=self._code[shape.package],
            handler=f"api.functions.{name}",
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            memory_size=shape.memory_mib,
            timeout=Duration.seconds(shape.seconds),
            reserved_concurrent_executions=shape.concurrency(self._config.burst)
            if self._config.reserve_concurrency
            else None,
            role=self._role(name),
            environment=environment_of(
                name, self._resources, config=self._config, timeout_seconds=self._timeout_seconds
            ),
            log_group=self.log_groups[name],
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
            system_log_level_v2=lambda_.SystemLogLevel.INFO,
            tracing=lambda_.Tracing.ACTIVE,
        )
        if name in EVENT_FUNCTIONS:
            function.configure_async_invoke(
                max_event_age=Duration.hours(EVENT_HOURS),
                retry_attempts=EVENT_RETRIES,
                on_failure=destinations.SqsDestination(self.failures),
            )
        _explain_function(function, is_awaited=name not in EVENT_FUNCTIONS)
        return function

    def _role(self, name: str) -> iam.Role:
        """Its rights are in the role itself, so that Lambda finds them when it looks at a queue's consumer."""
        role = iam.Role(
            self,
            f"{name.capitalize()}Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"Rights of api.functions.{name} (docs/security.md)",
            inline_policies={
                "rights": iam.PolicyDocument(statements=rights_of(name, self._resources)),
                "logs": iam.PolicyDocument(statements=[writes_logs(self.log_groups[name].log_group_arn)]),
            },
        )
        acknowledge(role, findings_of(name, self._resources))
        return role

    def _feed_purges(self, queue: sqs.IQueue) -> None:
        lambda_.EventSourceMapping(
            self,
            "PurgeOrders",
            target=self.by_name["purge"],
            event_source_arn=queue.queue_arn,
            batch_size=BATCH,
            max_batching_window=Duration.seconds(BATCH_WINDOW_SECONDS),
            max_concurrency=PURGES_AT_A_TIME,
            report_batch_item_failures=True,
        )


def _code_in(packages: Path) -> Mapping[str, lambda_.Code]:
    """The code of each package.

    Raises:
        ConfigurationError: it has not been built.
    """
    names = sorted({shape.package for shape in SHAPES.values()})
    if missing := [name for name in names if not (packages / name).is_dir()]:
        raise ConfigurationError(
            f"the functions' code is not in {packages.name}/{missing[0]}: run `make packages`, which builds it."
        )
    return {name: lambda_.Code.from_asset(str(packages / name)) for name in names}


def _explain_function(function: lambda_.Function, *, is_awaited: bool) -> None:
    caller = "whoever calls it has the error; the queue of purges has dead letters of its own"
    acknowledge(
        function, {"AwsSolutions-L1": "the packages hold wheels and byte code of this version, which is tested"}
    )
    skip_checkov(
        function,
        {
            "CKV_AWS_116": caller if is_awaited else "events that fail go to a queue, as a destination of the function",
            "CKV_AWS_117": "in no VPC: nothing inside is to be reached by those that fetch URLs",
            "CKV_AWS_173": "the environment holds names, no secrets",
        },
    )
    if isinstance(resource := function.node.default_child, lambda_.CfnFunction):
        # W3005: the CDK has every function wait for its role, also where a reference says so already.
        resource.add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3005"]}})
