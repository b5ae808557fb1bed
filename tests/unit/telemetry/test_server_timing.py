"""The `Server-Timing` header."""

from __future__ import annotations

import re

from renderer.telemetry.observation import Observation, Stage, Timing
from renderer.telemetry.server_timing import server_timing


def test_every_stage_and_the_total_are_in_milliseconds() -> None:
    """A stage that came twice is added up."""
    seen = Observation(request_id="a", method="GET", target="/", client_ip="")
    seen.timings = [
        Timing(stage=Stage.QUEUE, started=0, seconds=0.0012),
        Timing(stage=Stage.DOWNLOAD, started=0, seconds=0.25),
        Timing(stage=Stage.QUEUE, started=0, seconds=0.001),
    ]

    assert re.fullmatch(
        r'queue;desc="Queue";dur=2\.200, downloading_source_image;desc="Downloading source image";dur=250\.000,'
        r" total;dur=\d+\.\d{3}",
        server_timing(seen),
    )


def test_without_stages_there_is_the_total() -> None:
    """A refused request took some time too."""
    seen = Observation(request_id="a", method="GET", target="/", client_ip="")

    assert re.fullmatch(r"total;dur=\d+\.\d{3}", server_timing(seen))
