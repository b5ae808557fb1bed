"""What can be seen of a deployment from outside of it: buckets, the queue, CloudFront's invalidations, logs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from tests.infra.emulator.deployment import Deployment

WAIT_SECONDS: Final = 30
_POLL_SECONDS: Final = 0.1

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A deployment behind which a render server runs.

    Attributes:
        deployment: of the stack.
        server_log: what the render server writes.
    """

    deployment: Deployment
    server_log: Path

    @property
    def s3(self) -> Any:
        """S3 as an operator with all rights."""
        return self.deployment.emulator.client("s3")

    @property
    def originals(self) -> str:
        """The bucket of originals."""
        return self.deployment.id_of("Storage/Originals", "AWS::S3::Bucket")

    @property
    def results(self) -> str:
        """The bucket of results."""
        return self.deployment.id_of("Storage/Results", "AWS::S3::Bucket")

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """What lies in a bucket."""
        answer = self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for item in answer.get("Contents", [])]

    def kept_results(self, tag: str) -> list[str]:
        """The stored results of an original."""
        return self.keys(self.results, f"results/{tag[2:4]}/{tag}/")

    def invalidations(self) -> dict[str, tuple[str, ...]]:
        """The paths of each invalidation that CloudFront was asked for, by its id."""
        cloudfront = self.deployment.emulator.client("cloudfront")
        distribution = self.deployment.id_of("Delivery", "AWS::CloudFront::Distribution")
        listed = cloudfront.list_invalidations(DistributionId=distribution)["InvalidationList"].get("Items", [])
        ids = [item["Id"] for item in listed]
        got = [cloudfront.get_invalidation(DistributionId=distribution, Id=id)["Invalidation"] for id in ids]
        return {one["Id"]: tuple(one["InvalidationBatch"]["Paths"]["Items"]) for one in got}

    def invalidations_of(self, tag: str, *, count: int) -> list[tuple[str, ...]]:
        """The paths of the invalidations that name a tag, once there are so many."""

        def found() -> list[tuple[str, ...]] | None:
            its = [paths for paths in self.invalidations().values() if f"#{tag}" in paths]
            return its if len(its) >= count else None

        return until(found, f"{count} invalidations of {tag}")

    def invalidation_for(self, order: str, mark: int) -> tuple[str, ...]:
        """The paths of the invalidation that an order of the queue led to, by the function's log behind a mark."""

        def found() -> tuple[str, ...] | None:
            lines = (json.loads(line) for line in self.logged("Purge", mark).splitlines() if line.startswith("{"))
            its = [line["invalidation"] for line in lines if "invalidation" in line and order in line["message_ids"]]
            return self.invalidations()[its[0]] if its else None

        return until(found, f"invalidation for {order}")

    def orders_to_come(self) -> int:
        """Orders in the queue whose time has not come."""
        name = "ApproximateNumberOfMessagesDelayed"
        queue = self.deployment.id_of("Purges/Queue", "AWS::SQS::Queue")
        answer = self.deployment.emulator.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def invoked(self, function: str, event: Mapping[str, Any]) -> None:
        """Calls a function (`Change`) with an event of its own, and waits for it."""
        name = self.deployment.id_of(f"Functions/{function}", "AWS::Lambda::Function")
        payload = json.dumps(event).encode()
        self.deployment.emulator.client("lambda").invoke(FunctionName=name, Payload=payload)

    def mark(self, log: str) -> int:
        """Where the log of a function (`Upload`) or of the `server` ends."""
        return self.server_log.stat().st_size if log == "server" else int(time.time() * 1000)

    def logged(self, log: str, mark: int = 0) -> str:
        """What is in a log behind a mark."""
        if log == "server":
            return self.server_log.read_bytes()[mark:].decode(errors="replace")
        group = self.deployment.id_of(f"Functions/{log}Log", "AWS::Logs::LogGroup")
        logs = self.deployment.emulator.client("logs")
        events = logs.filter_log_events(logGroupName=group, startTime=mark)["events"]
        return "\n".join(event["message"] for event in events)

    def says(self, log: str, text: str, mark: int) -> bool:
        """Whether a log has a text behind a mark before long: lines come a little after the answer."""
        deadline = time.monotonic() + WAIT_SECONDS
        while text not in self.logged(log, mark):
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    @contextmanager
    def without_events(self) -> Iterator[None]:
        """Nothing happens by itself when the bucket changes, until the block ends."""
        events = self.deployment.emulator.client("events")
        rules = [
            name.rpartition("|")[2].rpartition("/")[2]
            for name in self.deployment.ids_of("Functions", "AWS::Events::Rule")
        ]
        for rule in rules:
            events.disable_rule(Name=rule)
        try:
            yield
        finally:
            for rule in rules:
                events.enable_rule(Name=rule)


def until(found: Callable[[], _T | None], what: str) -> _T:
    """What is found in the end.

    Raises:
        AssertionError: nothing within `WAIT_SECONDS`.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while (it := found()) is None:
        assert time.monotonic() < deadline, f"no {what} within {WAIT_SECONDS} s"
        time.sleep(_POLL_SECONDS)
    return it
