"""The names, units and texts of the metrics (spec 03 section 7.2), for Prometheus and for `docs/monitoring.md`.

Names in the first half are imgproxy's, so that its dashboards work; what follows is ours.
"""

from __future__ import annotations

from typing import Final

SECONDS_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BYTES_BUCKETS: Final = tuple(float(1024 * 4**power) for power in range(8))
"""From 1 KiB to 16 MiB."""

UTILIZATION: Final = "workers_utilization"
UTILIZATION_TEXT: Final = "Requests in progress by workers, in percent; over 100 while requests wait."

GAUGES: Final = {
    "workers": "Pictures that can be rendered at once.",
    "requests_in_progress": "Processing requests that are worked on or wait.",
    "images_in_progress": "Pictures that are being rendered, and raw streams.",
    "vips_memory_bytes": "Memory that libvips holds for pixels.",
    "vips_max_memory_bytes": "Most memory that libvips has held for pixels.",
    "vips_allocs": "Blocks of memory that libvips holds.",
    "queue_length": "Requests that wait for a worker.",
    "connections": "Open client connections.",
    "source_bytes_in_flight": "Bytes of source images held in memory.",
}
"""Sums over the living processes; each is an attribute of `Vitals`, the libvips ones too."""

PROCESS_GAUGES: Final = {
    "process_resident_memory_bytes": "Resident memory; pages shared between processes count in each.",
    "process_virtual_memory_bytes": "Virtual memory.",
    "process_open_fds": "Open file descriptors.",
    "process_max_fds": "File descriptors that may be open.",
}
"""Sums over the living processes; never with a namespace."""
