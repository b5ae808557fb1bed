"""The render server as the template's task definition starts it: a process of this machine in the place of a task.

Its environment is the container's, and nothing of this machine's. Its secrets are read as the task's execution role, as
ECS does, and it has a session of the task role, so that the emulator judges each of its calls of S3.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import boto3  # type: ignore[import-untyped]  # the SDK has no types

from scripts.ports import free_port
from tests.infra.emulator.deployment import Deployment
from tests.infra.emulator.ministack import REGION
from tests.servers.process import started

TASK: Final = "AWS::ECS::TaskDefinition"
_COMMAND: Final = ("/bin/sh", "-c", 'exec "$0" serve >"$1" 2>&1', str(Path(sys.prefix) / "bin" / "bildwerk"))
_HOST: Final = "127.0.0.1"
_PROJECT: Final = Path(__file__).parents[3]


def session_of(deployment: Deployment, role_arn: str) -> dict[str, str]:
    """Credentials of a role, as the variables that the SDK reads."""
    credentials = deployment.emulator.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="walk")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }


def task_of(deployment: Deployment) -> dict[str, Any]:
    """The task definition as it was registered, with every reference resolved."""
    arn = deployment.id_of("Renderer/Task", TASK)
    task: dict[str, Any] = deployment.emulator.client("ecs").describe_task_definition(taskDefinition=arn)[
        "taskDefinition"
    ]
    return task


def secrets_of(deployment: Deployment, task: Mapping[str, Any]) -> dict[str, str]:
    """What the container's secrets hold."""
    session = session_of(deployment, task["executionRoleArn"])
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    credentials = dict(zip(names, session.values(), strict=True))
    client = boto3.client("secretsmanager", endpoint_url=deployment.emulator.url, region_name=REGION, **credentials)
    container = task["containerDefinitions"][0]
    return {
        secret["name"]: client.get_secret_value(SecretId=secret["valueFrom"])["SecretString"]
        for secret in container["secrets"]
    }


@contextmanager
def serving(deployment: Deployment, log: Path) -> Iterator[Mapping[str, str]]:
    """Serves behind the load balancer until the block ends; gives the environment of the server."""
    task = task_of(deployment)
    container = task["containerDefinitions"][0]
    port = free_port()
    environment = {
        **{variable["name"]: variable["value"] for variable in container["environment"]},
        **secrets_of(deployment, task),
        # What ECS sets, here without the server of credentials that a task asks.
        "AWS_REGION": REGION,
        **session_of(deployment, task["taskRoleArn"]),
        # What the image or the machine is for a task.
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(_PROJECT),
        "IMGPROXY_BIND": f"{_HOST}:{port}",
        "AWS_ENDPOINT_URL": deployment.emulator.url,
        # The one setting that differs: 30 s is long to wait for the end of what a task has in memory.
        "BILDWERK_RESULTS_MEMORY_SECONDS": "2",
    }
    with started([(*_COMMAND, str(log))], [port], environment):
        _register(deployment, port)
        yield environment


@contextmanager
def instead(deployment: Deployment, port: int) -> Iterator[None]:
    """Another server behind the load balancer until the block ends."""
    balancers = deployment.emulator.client("elbv2")
    group = _targets(deployment)
    described = balancers.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    before = [{"Id": one["Target"]["Id"], "Port": one["Target"]["Port"]} for one in described]
    balancers.deregister_targets(TargetGroupArn=group, Targets=before)
    _register(deployment, port)
    try:
        yield
    finally:
        balancers.deregister_targets(TargetGroupArn=group, Targets=[{"Id": _HOST, "Port": port}])
        balancers.register_targets(TargetGroupArn=group, Targets=before)


def _register(deployment: Deployment, port: int) -> None:
    """As ECS would, for the port of this machine."""
    targets = [{"Id": _HOST, "Port": port}]
    deployment.emulator.client("elbv2").register_targets(TargetGroupArn=_targets(deployment), Targets=targets)


def _targets(deployment: Deployment) -> str:
    return deployment.id_of("LoadBalancer", "AWS::ElasticLoadBalancingV2::TargetGroup")
