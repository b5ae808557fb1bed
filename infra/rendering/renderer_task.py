"""The render server's task: its container, and what it may do.

It runs as user 999 on a read-only root, with a tmpfs of its own at /tmp, which Fargate has since January 2026: a volume
there would belong to root (Amazon ECS developer guide, "Use bind mounts"). It may read originals and keep results,
nothing more.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, Size, Stack, Tags
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config import RendererConfig
from infra.findings import acknowledge, resource_of
from infra.rendering.load_balancer import SERVER_PORT
from infra.rendering.renderer_settings import server_environment
from infra.rendering.server_image import server_image
from infra.secrets import Secrets
from infra.storage import Storage
from infra.timeouts import stop_timeout

CONTAINER: Final = "renderer"
USER: Final = "999:999"
"""The image's own (docs/container.md)."""
LOG_BUFFER_MIB: Final = 8
"""Lines that may wait for CloudWatch Logs; what comes on top is dropped, so that no picture waits for a log."""


class RendererTask(Construct):
    """The task definition with its one container."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: RendererConfig,
        http_sources: bool,
        storage: Storage,
        secrets: Secrets,
        log_group: logs.ILogGroup,
        service_name: str,
    ) -> None:
        """`service_name` is the dimension of the server's own metrics."""
        super().__init__(scope, construct_id)
        self._config = config
        self.definition = ecs.FargateTaskDefinition(
            self,
            "Definition",
            cpu=config.cpu_units,
            memory_limit_mib=config.memory_mib,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64, operating_system_family=ecs.OperatingSystemFamily.LINUX
            ),
        )
        Tags.of(self.definition).add("release", config.release)
        self.definition.add_container(
            CONTAINER,
            container_name=CONTAINER,
            image=server_image(self, config.image, http_sources=http_sources),
            version_consistency=ecs.VersionConsistency.ENABLED,
            user=USER,
            readonly_root_filesystem=True,
            linux_parameters=self._linux(),
            port_mappings=[ecs.PortMapping(container_port=SERVER_PORT)],
            environment=server_environment(
                config,
                originals=storage.originals.bucket_name,
                results=storage.results.bucket_name,
                region=Stack.of(self).region,
                service_name=service_name,
                http_sources=http_sources,
            ),
            secrets={
                "IMGPROXY_KEY": ecs.Secret.from_secrets_manager(secrets.signing_key),
                "IMGPROXY_SALT": ecs.Secret.from_secrets_manager(secrets.signing_salt),
            },
            health_check=_HEALTH,
            stop_timeout=Duration.seconds(stop_timeout(config.timeout_seconds)),
            logging=_to(log_group),
        )
        self._grant(storage)
        self._explain(storage)

    def _linux(self) -> ecs.LinuxParameters:
        """No capabilities, an init process, and /tmp in memory: sockets, and pixels of the largest pictures."""
        linux = ecs.LinuxParameters(self, "Linux", init_process_enabled=True)
        linux.drop_capabilities(ecs.Capability.ALL)
        options = ecs.TmpfsMountOption
        linux.add_tmpfs(
            ecs.Tmpfs(
                container_path="/tmp",  # noqa: S108 - the container's own
                size=self._config.memory_mib // 4,
                mount_options=[options.RW, options.NOSUID, options.NODEV, options.NOEXEC],
            )
        )
        return linux

    def _grant(self, storage: Storage) -> None:
        """Reading originals, keeping results. Listing makes a missing key 404; without it S3 says 403 (aws.md 1.7)."""
        originals, results = storage.originals, storage.results
        for actions, resources in (
            (("s3:GetObject", "s3:GetObjectVersion"), [originals.arn_for_objects("*")]),
            (("s3:GetObject", "s3:PutObject", "s3:DeleteObject"), [results.arn_for_objects("*")]),
            (("s3:ListBucket",), [originals.bucket_arn, results.bucket_arn]),
        ):
            self.definition.add_to_task_role_policy(iam.PolicyStatement(actions=list(actions), resources=resources))

    def _explain(self, storage: Storage) -> None:
        names = [Stack.of(self).get_logical_id(resource_of(one)) for one in (storage.originals, storage.results)]
        objects = "any picture and any result of its own two buckets: keys are the users' own"
        settings = "settings are no secrets; those come from Secrets Manager, and infra/config.py refuses others"
        acknowledge(
            self.definition.task_role, {f"AwsSolutions-IAM5[Resource::<{name}.Arn>/*]": objects for name in names}
        )
        acknowledge(
            self.definition.obtain_execution_role(),
            {"AwsSolutions-IAM5[Resource::*]": "ecr:GetAuthorizationToken knows no resource"},
        )
        acknowledge(self.definition, {"AwsSolutions-ECS2": settings})


_HEALTH: Final = ecs.HealthCheck(
    command=["CMD", "bildwerk", "health"],
    interval=Duration.seconds(10),
    timeout=Duration.seconds(6),
    retries=3,
    start_period=Duration.seconds(15),
)
"""As in the image, whose own check ECS ignores (docs/container.md)."""


def _to(log_group: logs.ILogGroup) -> ecs.LogDriver:
    return ecs.LogDrivers.aws_logs(
        stream_prefix=CONTAINER,
        log_group=log_group,
        mode=ecs.AwsLogDriverMode.NON_BLOCKING,
        max_buffer_size=Size.mebibytes(LOG_BUFFER_MIB),
    )
