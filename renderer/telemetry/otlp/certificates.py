"""Certificates that are settings, for libraries that only read files."""

from __future__ import annotations

import os
from dataclasses import dataclass

from renderer.settings.tracing import TracingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """PEM texts: the collector's certificate, and ours with its key when the collector wants to know us."""

    server: str
    client: str = ""
    client_key: str = ""


def certificates(settings: TracingSettings) -> Certificates | None:
    """The certificates that are set; ours count only beside the collector's, and only as a pair."""
    if not settings.open_telemetry_server_cert:
        return None
    is_pair = bool(settings.open_telemetry_client_cert and settings.open_telemetry_client_key)
    return Certificates(
        server=settings.open_telemetry_server_cert,
        client=settings.open_telemetry_client_cert if is_pair else "",
        client_key=settings.open_telemetry_client_key if is_pair else "",
    )


def memory_file(text: str) -> str:
    """The path of a file that holds the text and is on no disk; it lives as long as the process (Linux).

    The key would stay on a disk after a crash, and the disk of a container may be read-only.
    """
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    os.write(descriptor, text.encode())
    return f"/proc/self/fd/{descriptor}"
