"""What several suites share: libvips, set up once in each test process."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from renderer.vips import runtime
from scripts import servers

# How fast a shared machine is at the moment is no property of the code.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def capabilities() -> runtime.Capabilities:
    """What this build can read and write, after the server's own start-up of libvips."""
    return runtime.start()


def pytest_report_header() -> list[str]:
    """Says which servers the run is against: some of them are only there where a tool is."""
    return servers.described()
