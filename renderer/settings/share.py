"""What one of several server processes gets of the instance's limits (DESIGN section 3)."""

from __future__ import annotations

import dataclasses
from typing import Final

from renderer.settings.load import Settings

WORKERS_PER_CPU: Final = 2
"""Pictures at once for each processor: one computes while another waits for memory or a lock (spec 03 section 1.2)."""


def with_counts(settings: Settings, *, cpus: int) -> Settings:
    """The settings with numbers where they leave workers and processes open.

    Args:
        settings: the instance's.
        cpus: how many it may use.
    """
    server = settings.server
    workers = server.workers or WORKERS_PER_CPU * cpus
    processes = server.processes or min(cpus, workers, server.requests_queue_size or cpus)
    return dataclasses.replace(settings, server=dataclasses.replace(server, workers=workers, processes=processes))


def settings_of_process(settings: Settings, index: int) -> Settings:
    """The settings for the process at place `index`, from 0, of an instance whose counts are known."""
    server = settings.server
    count = server.processes
    shared = dataclasses.replace(
        server,
        workers=share(server.workers, count, index),
        requests_queue_size=share(server.requests_queue_size, count, index),
        max_clients=share(server.max_clients, count, index),
    )
    in_flight = share(settings.sources.max_source_bytes_in_flight, count, index)
    sources = dataclasses.replace(settings.sources, max_source_bytes_in_flight=in_flight)
    sharing = dataclasses.replace(settings.sharing, max_bytes=share(settings.sharing.max_bytes, count, index))
    results = dataclasses.replace(
        settings.results,
        memory_bytes=share(settings.results.memory_bytes, count, index),
        queue_bytes=share(settings.results.queue_bytes, count, index),
    )
    return dataclasses.replace(settings, server=shared, sources=sources, sharing=sharing, results=results)


def share(total: int, count: int, index: int) -> int:
    """A part of a limit, at least 1 so that nothing stands still; 0 means no limit and stays 0."""
    return max(1, total // count + (index < total % count)) if total else 0
