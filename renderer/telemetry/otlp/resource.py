"""Who sends: the resource that every trace, metric and log line carries."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry.sdk.extension.aws.resource.ec2 import AwsEc2ResourceDetector
from opentelemetry.sdk.extension.aws.resource.ecs import AwsEcsResourceDetector
from opentelemetry.sdk.extension.aws.resource.eks import AwsEksResourceDetector
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource, ResourceDetector

from renderer.telemetry.otlp import variables

DETECTION_SECONDS: Final = 2.0
"""Outside AWS the metadata address may swallow packets; the start does not wait for that."""


def resource(environment: Mapping[str, str], version: str) -> Resource:
    """The SDK's default, the service's name and version, and what AWS says of this machine.

    Each process is an instance of its own: counters of two processes under one name would overwrite each other.
    """
    base = Resource.create({SERVICE_VERSION: version})
    own: dict[str, str] = {}
    if name := environment.get("OTEL_SERVICE_NAME", "").strip():
        own[SERVICE_NAME] = name
    elif str(base.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        own[SERVICE_NAME] = variables.SERVICE_NAME
    if SERVICE_INSTANCE_ID not in base.attributes:
        own[SERVICE_INSTANCE_ID] = str(uuid.uuid4())
    found = detected(detectors(environment), DETECTION_SECONDS)
    return found.merge(base).merge(Resource(own))


def detectors(environment: Mapping[str, str]) -> list[ResourceDetector]:
    """The detectors that can find something here; Fargate has no EC2 metadata, and it may be switched off."""
    chosen: list[ResourceDetector] = [AwsEksResourceDetector()]
    if any(name.startswith("ECS_CONTAINER_METADATA_URI") for name in environment):
        chosen.append(AwsEcsResourceDetector())
    is_fargate = environment.get("AWS_EXECUTION_ENV", "") == "AWS_ECS_FARGATE"
    if not is_fargate and environment.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true":
        chosen.append(AwsEc2ResourceDetector())
    return chosen


def detected(chosen: Sequence[ResourceDetector], seconds: float) -> Resource:
    """What the detectors find in that time, the last one winning."""
    found: dict[int, Resource] = {}

    def detect(position: int) -> None:
        found[position] = chosen[position].detect()

    threads = [threading.Thread(target=detect, args=(position,), daemon=True) for position in range(len(chosen))]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    merged = Resource.get_empty()
    for _position, part in sorted(found.copy().items()):
        merged = merged.merge(part)
    return merged
