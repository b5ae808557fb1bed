"""What each process gets of the instance's limits."""

from __future__ import annotations

import pytest

from renderer.settings.load import load_settings
from renderer.settings.share import settings_of_process, share, with_counts


@pytest.mark.parametrize(
    ("variables", "workers", "processes"),
    [
        ({}, 8, 4),
        ({"IMGPROXY_WORKERS": "3"}, 3, 3),
        ({"IMGPROXY_WORKERS": "1"}, 1, 1),
        ({"IMGPROXY_REQUESTS_QUEUE_SIZE": "2"}, 8, 2),
        ({"BILDWERK_PROCESSES": "6"}, 8, 6),
        ({"AWS_LAMBDA_FUNCTION_NAME": "f", "IMGPROXY_REQUESTS_QUEUE_SIZE": "9"}, 1, 1),
    ],
)
def test_numbers_that_nobody_set_follow_from_the_cpus(variables: dict[str, str], workers: int, processes: int) -> None:
    """Of a machine with four; no process is without a worker, nor without a place to wait."""
    server = with_counts(load_settings(variables), cpus=4).server

    assert (server.workers, server.processes) == (workers, processes)


def test_limits_of_the_instance_are_divided() -> None:
    """Every process has its part, and the parts are the whole."""
    variables = {
        "BILDWERK_PROCESSES": "3",
        "IMGPROXY_WORKERS": "7",
        "IMGPROXY_REQUESTS_QUEUE_SIZE": "16",
        "IMGPROXY_MAX_CLIENTS": "100",
        "BILDWERK_MAX_SOURCE_BYTES_IN_FLIGHT": "1000",
    }
    parts = [settings_of_process(load_settings(variables), index) for index in range(3)]

    assert [part.server.workers for part in parts] == [3, 2, 2]
    assert [part.server.requests_queue_size for part in parts] == [6, 5, 5]
    assert [part.server.max_clients for part in parts] == [34, 33, 33]
    assert sum(part.sources.max_source_bytes_in_flight for part in parts) == 1000


@pytest.mark.parametrize(("total", "parts"), [(0, [0, 0, 0]), (1, [1, 1, 1]), (5, [2, 2, 1])])
def test_no_limit_stays_none_and_nobody_gets_nothing(total: int, parts: list[int]) -> None:
    assert [share(total, 3, index) for index in range(3)] == parts
