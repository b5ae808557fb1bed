"""Validators of files: the ETag's formula and the comparison."""

from __future__ import annotations

import pytest

from renderer.response.validators import Conditions
from renderer.sources.source import SourceHeaders
from renderer.sources.validators import file_headers, is_not_modified

MODIFIED_NS = 1_750_000_000_000_000_000
ETAG = '"8Xf9Gel1cKyxqZudRuFg3AcjySDeclE5BZMtHLV07TA"'
LAST_MODIFIED = "Sun, 15 Jun 2025 15:06:40 GMT"


def test_validators_are_those_that_imgproxy_gives_to_the_same_file() -> None:
    """So imgproxy 4.0.12 answered for a file of 98,594 bytes with this name and time."""
    headers = file_headers("photo1.jpg", size=98_594, modified_ns=MODIFIED_NS)

    assert headers == SourceHeaders(etag=ETAG, last_modified=LAST_MODIFIED)


@pytest.mark.parametrize(
    ("key", "size", "modified_ns"),
    [
        ("a/../photo1.jpg", 98_594, MODIFIED_NS),
        ("photo1.jpg", 98_595, MODIFIED_NS),
        ("photo1.jpg", 98_594, MODIFIED_NS + 1),
    ],
)
def test_the_etag_changes_with_the_spelling_the_size_and_the_nanosecond(key: str, size: int, modified_ns: int) -> None:
    assert file_headers(key, size=size, modified_ns=modified_ns).etag != ETAG


def test_a_key_that_is_not_utf_8_has_an_etag_too() -> None:
    assert file_headers("\udcff.jpg", size=1, modified_ns=1).etag


@pytest.mark.parametrize(
    ("if_none_match", "if_modified_since", "is_current"),
    [
        (None, None, False),
        (ETAG, None, True),
        (ETAG.strip('"'), None, True),
        ("W/" + ETAG, None, True),
        ('"other"', None, False),
        ("*", None, False),
        (f'{ETAG}, "other"', None, False),
        (None, LAST_MODIFIED, True),
        (None, "Sun, 15 Jun 2025 15:06:41 GMT", True),
        (None, "Sun, 15 Jun 2025 15:06:39 GMT", False),
        (None, "Sunday, 15-Jun-25 15:06:40 GMT", True),
        (None, "Sun Jun 15 15:06:40 2025", True),
        (None, "2025-06-15", False),
        (None, "garbage", False),
        (None, "", False),
        ('"other"', LAST_MODIFIED, False),
        (ETAG, "garbage", True),
        ("", LAST_MODIFIED, True),
    ],
)
def test_the_entity_tag_decides_alone_and_the_date_only_without_it(
    if_none_match: str | None, if_modified_since: str | None, *, is_current: bool
) -> None:
    conditions = Conditions(if_none_match=if_none_match, if_modified_since=if_modified_since)

    assert is_not_modified(SourceHeaders(etag=ETAG, last_modified=LAST_MODIFIED), conditions) is is_current


def test_a_source_without_validators_is_never_current() -> None:
    assert not is_not_modified(SourceHeaders(), Conditions(if_none_match=ETAG, if_modified_since=LAST_MODIFIED))
