"""Which image the tasks run: one that is given by its digest, or the Dockerfile of this repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from aws_cdk import Arn, ArnComponents, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.config import ConfigurationError

REPOSITORY_ROOT: Final = Path(__file__).parents[2]
"""What of it is built from, and so makes a new image when it changes, is in .dockerignore."""

_ECR: Final = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<name>[^@]+)@(?P<digest>sha256:.+)"
)


def server_image(scope: Construct, image: str, *, http_sources: bool) -> ecs.ContainerImage:
    """The image for the container, with the right to pull it where it is in ECR.

    Raises:
        ConfigurationError: tasks without a way to the internet cannot pull it.
    """
    if not image:
        return _built(scope)
    found = _ECR.fullmatch(image)
    region = Stack.of(scope).region
    if found and not http_sources and found["region"] != region:
        raise ConfigurationError(
            f"image {image.partition('@')[0]} is in {found['region']}, and tasks without http sources reach ECR in"
            f" {region} alone: copy it there (infra/README.md) and name that."
        )
    if found:
        return ecs.ContainerImage.from_ecr_repository(_repository(scope, found), found["digest"])
    if not http_sources:
        raise ConfigurationError(
            f"image {image.partition('@')[0]} is not in ECR, and tasks without http sources reach no other registry:"
            " copy it into ECR (infra/README.md) and name that, or leave it blank."
        )
    return ecs.ContainerImage.from_registry(image)


def _repository(scope: Construct, found: re.Match[str]) -> ecr.IRepository:
    name = found["name"].partition(":")[0]
    arn = Arn.format(
        ArnComponents(
            service="ecr", region=found["region"], account=found["account"], resource="repository", resource_name=name
        ),
        Stack.of(scope),
    )
    return ecr.Repository.from_repository_attributes(scope, "Image", repository_arn=arn, repository_name=name)


def _built(scope: Construct) -> ecs.ContainerImage:
    """The Dockerfile, built at deployment and named by the hash of what it is built from; its tag never moves."""
    return ecs.ContainerImage.from_docker_image_asset(
        ecr_assets.DockerImageAsset(
            scope,
            "Image",
            directory=str(REPOSITORY_ROOT),
            platform=ecr_assets.Platform.LINUX_ARM64,
        )
    )
