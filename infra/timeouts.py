"""How long the parts wait for each other, each a little longer than what it waits for (aws.md 1.5).

A render ends at its deadline, `IMGPROXY_TIMEOUT`; the client then has as long as the server gives it to take the
answer. The load balancer must not end a connection that CloudFront still waits on, nor the server one that the load
balancer may use again: that would be a 502.
"""

from __future__ import annotations

from typing import Final

from infra.config import RendererConfig

WAITING_SHARE: Final = 0.2
"""Of the deadline, for the last one in a full queue of the server.

Half of the deadline would turn a thousandth less away, and let the slowest wait 5.0 s and not 2.0 (docs/growth.md).
"""
WRITE_SECONDS: Final = 10
"""`IMGPROXY_WRITE_RESPONSE_TIMEOUT`: for a client to take an answer."""
IDLE_SECONDS: Final = 150
"""Of the load balancer: more than the 120 s that CloudFront can be told to wait for an origin at the most."""
KEEP_ALIVE_SECONDS: Final = IDLE_SECONDS + 15
"""`IMGPROXY_KEEP_ALIVE_TIMEOUT` (Elastic Load Balancing guide, "Connection idle timeout": above the idle timeout)."""
STOP_SECONDS_AT_MOST: Final = 120
"""What Fargate allows between SIGTERM and SIGKILL, and about what Spot leaves (Amazon ECS guide, `stopTimeout`)."""


def waiting_room(config: RendererConfig) -> int:
    """`IMGPROXY_REQUESTS_QUEUE_SIZE`: how many may wait in a task; who comes after them is answered 429 at once."""
    seconds = config.timeout_seconds * WAITING_SHARE
    return max(1, round(config.scaling.pictures_per_second_per_vcpu * config.vcpus * seconds))


def longest_request(timeout_seconds: int) -> int:
    """Seconds until the last request that a task has taken is answered."""
    return timeout_seconds + WRITE_SECONDS


def deregistration_delay(timeout_seconds: int) -> int:
    """Seconds that a task which is to leave goes on with what it has."""
    return longest_request(timeout_seconds) + 5


def graceful_stop(timeout_seconds: int) -> int:
    """`IMGPROXY_GRACEFUL_STOP_TIMEOUT`, from SIGTERM on: on Spot nothing drains before it."""
    return longest_request(timeout_seconds)


def stop_timeout(timeout_seconds: int) -> int:
    """Seconds between SIGTERM and SIGKILL: the graceful stop, and what it takes to end."""
    return min(STOP_SECONDS_AT_MOST, max(60, graceful_stop(timeout_seconds) + 10))
