"""The two lines of a request (spec 03 section 2.14)."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from renderer.errors import BildwerkError, Forbidden, InternalError, RequestTimeout
from renderer.telemetry.access_log import AccessLog
from renderer.telemetry.formats import line_formatter
from renderer.telemetry.observation import Observation, Stage, Timing


def observation(**values: Any) -> Observation:
    """A request that the access log is told of."""
    return Observation(
        request_id="id-1",
        method="GET",
        target="/sig/w:5/plain/a",
        client_ip="1.2.3.4",
        monitors=[AccessLog()],
        **values,
    )


def ended(
    caplog: pytest.LogCaptureFixture, seen: Observation, status: int, error: BildwerkError | None = None
) -> logging.LogRecord:
    """The record of a request's end."""
    caplog.set_level(logging.INFO)
    seen.begin()
    if error is not None:
        seen.failed(error)
    seen.end(status, 12)
    return caplog.records[-1]


def test_a_request_begins_with_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Target, id, method and client."""
    ended(caplog, observation(), 200)

    text = line_formatter("structured").format(caplog.records[0])
    assert text.partition("level=")[2] == (
        '"INFO" msg="Started /sig/w:5/plain/a" request_id="id-1" method="GET" client_ip="1.2.3.4"'
    )


def test_a_picture_ends_with_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Status, source, options, size and the stages' times."""
    seen = observation(source_url="local:///a", options={"width": 5, "format": "webp"})
    seen.timings = [
        Timing(stage=stage, started=0, seconds=seconds)
        for stage, seconds in ((Stage.QUEUE, 0.001), (Stage.PROCESSING, 0.25), (Stage.QUEUE, 0.002))
    ]

    text = line_formatter("structured").format(ended(caplog, seen, 200))

    pattern = re.compile(
        r'"INFO" msg="Completed in [0-9.]+[µm]s /sig/w:5/plain/a" request_id="id-1" method="GET" status=200'
        r' client_ip="1\.2\.3\.4" image_url="local:///a" processing_options\.width=5 processing_options\.format="webp"'
        r' result_bytes=12 timings\.queue="3ms" timings\.processing_image="250ms"'
    )
    assert pattern.fullmatch(text.partition("level=")[2])


@pytest.mark.parametrize(
    ("status", "error", "level", "has_stack"),
    [
        (200, None, logging.INFO, False),
        (304, None, logging.INFO, False),
        (403, Forbidden("the signature is wrong"), logging.WARNING, False),
        (499, None, logging.WARNING, False),
        (500, InternalError("ours"), logging.ERROR, True),
        (503, RequestTimeout("no worker was free"), logging.ERROR, False),
        (200, InternalError("hidden by the fallback image"), logging.INFO, False),
    ],
)
def test_the_level_follows_the_status(
    caplog: pytest.LogCaptureFixture, status: int, error: BildwerkError | None, level: int, has_stack: bool
) -> None:
    """Errors say why; those of our own also where."""
    record = ended(caplog, observation(), status, error)

    said: dict[str, object] = record.__dict__["fields"]
    assert record.levelno == level
    assert said.get("error") == (None if error is None else str(error))
    assert ("stack" in said) == has_stack


def test_an_error_without_text_says_what_the_client_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """There is always a reason in the line."""
    assert ended(caplog, observation(), 403, Forbidden()).__dict__["fields"]["error"] == "Forbidden"


def test_nothing_is_put_together_when_the_level_is_off(caplog: pytest.LogCaptureFixture) -> None:
    """`IMGPROXY_LOG_LEVEL=error` leaves errors only."""
    caplog.set_level(logging.ERROR)
    seen = observation()
    seen.begin()
    seen.end(404)

    assert caplog.records == []
