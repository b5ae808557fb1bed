"""What one of several server processes gets of the instance's limits (DESIGN section 3)."""

from __future__ import annotations

import dataclasses

from renderer.settings.load import Settings


def settings_of_process(settings: Settings, index: int, *, workers: int) -> Settings:
    """The settings for the process at place `index` of `BILDWERK_PROCESSES`.

    Args:
        settings: the instance's.
        index: from 0.
        workers: what stands for `IMGPROXY_WORKERS` where it is not set.
    """
    server = settings.server
    count = server.processes
    shared = dataclasses.replace(
        server,
        workers=share(server.workers or workers, count, index),
        requests_queue_size=share(server.requests_queue_size, count, index),
        max_clients=share(server.max_clients, count, index),
    )
    in_flight = share(settings.sources.max_source_bytes_in_flight, count, index)
    sources = dataclasses.replace(settings.sources, max_source_bytes_in_flight=in_flight)
    return dataclasses.replace(settings, server=shared, sources=sources)


def share(total: int, count: int, index: int) -> int:
    """A part of a limit, at least 1 so that nothing stands still; 0 means no limit and stays 0."""
    return max(1, total // count + (index < total % count)) if total else 0
