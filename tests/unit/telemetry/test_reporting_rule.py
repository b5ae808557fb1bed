"""Which errors are reported: spec 03 section 2.12, last column."""

from __future__ import annotations

import pytest

from renderer.errors import (
    BildwerkError,
    BrokenImage,
    BrokenSVG,
    Forbidden,
    InternalError,
    InvalidURL,
    RequestCancelled,
    RequestTimeout,
    ResultFormatUnsavable,
    ResultImpossible,
    SourceAddressForbidden,
    SourceError,
    SourceIncomplete,
    SourceNotAllowed,
    SourceResolutionTooLarge,
    SourceStatus,
    SourceTimeout,
    SourceTooLarge,
    SVGSyntaxError,
    TooManyRequests,
    UnknownSourceType,
)
from renderer.settings.tracing import ReportingSettings
from renderer.telemetry.reporters.report import is_reported


class AnswerUnwritable(BildwerkError):
    """What a handler may tell of an answer that could not be written."""

    category = "IO"


NEVER = [
    InvalidURL("x"),
    Forbidden("x"),
    SourceNotAllowed("x"),
    ResultFormatUnsavable("x"),
    ResultImpossible("x"),
    SourceResolutionTooLarge("x"),
    TooManyRequests("x"),
    RequestTimeout("x"),
    RequestCancelled("x"),
]
DOWNLOADS = [
    SourceError("x"),
    SourceStatus("x", source_status=404),
    SourceTimeout("x"),
    SourceAddressForbidden("x"),
    SourceIncomplete("x"),
    SourceTooLarge("x"),
    UnknownSourceType("x"),
]
ALWAYS = [BrokenImage("x"), BrokenSVG("x"), SVGSyntaxError("x"), InternalError("x")]


@pytest.mark.parametrize("is_wanted", [True, False])
@pytest.mark.parametrize("error", [*NEVER, *DOWNLOADS, *ALWAYS], ids=lambda error: type(error).__name__)
def test_which_errors_are_reported(error: BildwerkError, is_wanted: bool) -> None:
    """Spec 03 section 2.12, last column; D stands for what `REPORT_DOWNLOADING_ERRORS` decides."""
    expected = error in ALWAYS or (error in DOWNLOADS and is_wanted)

    assert expected == is_reported(error, ReportingSettings(report_downloading_errors=is_wanted))


@pytest.mark.parametrize("is_wanted", [True, False])
def test_answers_that_cannot_be_written_are_reported_on_request(is_wanted: bool) -> None:
    assert is_wanted == is_reported(AnswerUnwritable("reset"), ReportingSettings(report_io_errors=is_wanted))
