"""Each failure has one status, one public sentence and one category."""

from __future__ import annotations

import pytest

from renderer import errors
from renderer.errors import BildwerkError, ConfigurationError, SourceError, SourceStatus

TABLE = [
    ("InvalidURL", 404, "Invalid URL", "path_parsing", False),
    ("SecurityOptionForbidden", 403, "Invalid URL", "path_parsing", False),
    ("UnsupportedFormat", 422, "Invalid URL", "path_parsing", False),
    ("ResultFormatUnsavable", 422, "Invalid URL", "processing", False),
    ("Forbidden", 403, "Forbidden", "security", False),
    ("MalformedSignature", 403, "The signature appears to be a processing option.", "security", False),
    ("SourceNotAllowed", 404, "Invalid source URL", "security", False),
    ("SourceError", 404, "Source is unreachable", "download", True),
    ("SourceUnreachable", 404, "Source is unreachable", "download", True),
    ("StoreUnreachable", 502, "Source is unreachable", "download", True),
    ("SourceTimeout", 504, "Source is unreachable", "timeout", True),
    ("SourceAddressForbidden", 404, "Invalid source URL", "download", True),
    ("SourceIncomplete", 422, "Source response is incomplete", "download", True),
    ("SourceTooLarge", 422, "Invalid source image", "download", True),
    ("UnknownSourceType", 422, "Invalid source image", "download", True),
    ("SourceResolutionTooLarge", 422, "Invalid source image", "processing", False),
    ("BrokenImage", 422, "Broken or unsupported image", "processing", True),
    ("BrokenSVG", 422, "Broken or unsupported SVG image", "processing", True),
    ("SVGSyntaxError", 422, "SVG syntax error", "processing", True),
    ("ResultImpossible", 404, "Invalid URL", "processing", False),
    ("TooManyRequests", 429, "Too many requests", "queue", False),
    ("RequestTimeout", 503, "Timeout", "timeout", False),
    ("RequestCancelled", 499, "Cancelled", "cancelled", False),
    ("ResponseUnwritten", 499, "Cancelled", "IO", False),
    ("ResponseStalled", 499, "Cancelled", "IO", False),
    ("InternalError", 500, "Internal error", "unexpected", True),
    ("ResultStoreFailed", 500, "Internal error", "unexpected", True),
]


@pytest.mark.parametrize(("name", "status", "public", "category", "is_reported"), TABLE)
def test_a_failure_answers_what_the_table_says(
    name: str, status: int, public: str, category: str, is_reported: bool
) -> None:
    """A failure answers what the table says and keeps the developer's text to itself."""
    error: BildwerkError = getattr(errors, name)("width is -1")

    assert (error.status, error.category, error.reported) == (status, category, is_reported)
    assert error.public.startswith(public)
    assert str(error) == "width is -1"
    assert "width" not in error.public


def test_every_failure_is_in_the_table_and_in_the_tree_at_the_head_of_the_module() -> None:
    """Every failure is in the table above and in the tree at the head of the module."""
    names = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, BildwerkError) and value is not BildwerkError
    }

    assert names - {"SourceStatus"} == {row[0] for row in TABLE}
    assert all(f"── {name} " in str(errors.__doc__) for name in names)


@pytest.mark.parametrize(
    ("source_status", "status"),
    [(400, 400), (403, 403), (404, 404), (410, 410), (429, 429), (499, 499), (500, 502), (503, 502), (599, 502)],
)
def test_errors_of_the_source_are_passed_on_and_its_failures_become_502(source_status: int, status: int) -> None:
    """A source's 4xx is passed on and its 5xx becomes 502."""
    error = SourceStatus("answered", source_status=source_status)

    assert (error.status, error.public) == (status, "Source is unreachable")


@pytest.mark.parametrize("source_status", [100, 201, 204, 302, 304])
def test_other_statuses_of_the_source_become_404(source_status: int) -> None:
    """A source's other statuses become 404."""
    error = SourceStatus("answered", source_status=source_status)

    assert error.status == 404
    assert SourceError.status == SourceStatus.status == 404


def test_bad_settings_are_told_line_by_line() -> None:
    """Bad settings are told line by line, and are no answer to a client."""
    error = ConfigurationError(["A: expected text", "B: expected a number"])

    assert str(error) == "A: expected text\nB: expected a number"
    assert error.problems == ["A: expected text", "B: expected a number"]
    assert not isinstance(error, BildwerkError)
