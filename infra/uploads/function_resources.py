"""What the functions of the API work on, and how their environment names it.

Variables are text here (`infra` imports neither `api` nor `renderer`); a test loads them with the API's own loader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra.config import ApiConfig, ConfigurationError

if TYPE_CHECKING:
    from aws_cdk import aws_cloudfront as cloudfront
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_secretsmanager as secretsmanager
    from aws_cdk import aws_sqs as sqs

GATEWAY_SECONDS: Final = 29
"""What API Gateway waits for a function, if nobody has it raised (API Gateway quotas)."""

RESULTS_MEMORY_SECONDS: Final = 30
"""The server's `BILDWERK_RESULTS_MEMORY_SECONDS`: so long a task may serve what it had in memory before a purge."""
_MARGIN_SECONDS: Final = 15
"""For the queue, its batching window and CloudFront's 5 s (P95), aws.md 1.1."""
_LEAST_AGAIN_SECONDS: Final = 90
"""The API's default (`BILDWERK_PURGE_AGAIN_SECONDS`)."""

HTTP_FUNCTIONS: Final = frozenset({"upload", "presign", "read", "delete"})
"""Those that API Gateway calls with requests."""
_PURGE_RESULTS: Final = frozenset({"upload", "delete", "arrival", "purge"})
_PICTURES: Final = frozenset({"upload", "arrival"})

_FORBIDDEN: Final = frozenset({"BILDWERK_API_TOKENS"})
"""Readable for whoever may see a function's configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionResources:
    """What the functions read and write."""

    originals: s3.IBucket
    results: s3.IBucket
    purges: sqs.IQueue
    distribution: cloudfront.Distribution
    tokens: secretsmanager.ISecret


def purge_again_seconds(timeout_seconds: int) -> int:
    """When a purge is repeated: after the last render that began before it, and the last copy in a task's memory."""
    return max(_LEAST_AGAIN_SECONDS, timeout_seconds + RESULTS_MEMORY_SECONDS + _MARGIN_SECONDS)


def environment_of(
    name: str, resources: FunctionResources, *, config: ApiConfig, timeout_seconds: int
) -> dict[str, str]:
    """The environment of a function: what it needs, and nothing that belongs to another.

    Args:
        name: of the function.
        resources: what it works on.
        config: of the API.
        timeout_seconds: of the render server.

    Raises:
        ConfigurationError: `config.settings` names what the stack itself sets, or tokens.
    """
    own = {
        "BILDWERK_BUCKET": resources.originals.bucket_name,
        "BILDWERK_PURGE_QUEUE_URL": resources.purges.queue_url,
    }
    if name in HTTP_FUNCTIONS:
        own["BILDWERK_API_AUTH"] = config.auth
        if config.allow_origins:
            own["BILDWERK_API_ALLOW_ORIGINS"] = ",".join(config.allow_origins)
    if name in _PURGE_RESULTS:
        own |= {"IMGPROXY_CACHE_USE": "s3", "IMGPROXY_CACHE_BUCKET": resources.results.bucket_name}
    if name in _PICTURES:
        # glibc's arenas keep what threads gave back: 690 MB became 292 MB on photographs (DESIGN section 3).
        own["MALLOC_ARENA_MAX"] = "2"
    if name == "authorize":
        own["BILDWERK_API_TOKENS_SECRET"] = resources.tokens.secret_arn
    if name == "purge":
        own["BILDWERK_DISTRIBUTION_ID"] = resources.distribution.distribution_id
        own["BILDWERK_PURGE_AGAIN_SECONDS"] = str(purge_again_seconds(timeout_seconds))
    return own | _further(config.settings, own)


def _further(settings: tuple[tuple[str, str], ...], own: Mapping[str, str]) -> dict[str, str]:
    given = dict(settings)
    if taken := sorted(own.keys() & given.keys()):
        raise ConfigurationError(f"api.settings has {', '.join(taken)}, which the stack sets itself: leave it out.")
    if secret := sorted(_FORBIDDEN & given.keys()):
        raise ConfigurationError(
            f"api.settings has {', '.join(secret)}: put tokens into the secret of the stack (infra/README.md)."
        )
    return given
