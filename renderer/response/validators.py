"""Relays ETag and Last-Modified between client and source (spec 03 section 2.8).

Validators are the source's own, whatever was rendered from it. A buster makes clients' copies stale at once: the ETag
buster is a prefix inside the tag, the Last-Modified buster an earliest date. Answers of `raw` pass validators on as
they are and do not come here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from renderer.scalars import decode_base64url, encode_base64url

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_CLOCK: Final = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
# RFC 9110 section 5.6.7: the form to write, and the two old ones that a recipient still reads.
_IMF_FIXDATE: Final = re.compile(
    rf"[A-Z][a-z]{{2}}, (?P<day>[0-9]{{2}}) (?P<month>[A-Z][a-z]{{2}}) (?P<year>[0-9]{{4}}) {_CLOCK} GMT"
)
_RFC_850: Final = re.compile(
    rf"[A-Z][a-z]+day, (?P<day>[0-9]{{2}})-(?P<month>[A-Z][a-z]{{2}})-(?P<year>[0-9]{{2}}) {_CLOCK} GMT"
)
_ASCTIME: Final = re.compile(
    rf"[A-Z][a-z]{{2}} (?P<month>[A-Z][a-z]{{2}}) (?P<day>[ 0-9][0-9]) {_CLOCK} (?P<year>[0-9]{{4}})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorRules:
    """Which validators are relayed, and what makes old ones invalid.

    Attributes:
        etag_enabled: ETag and If-None-Match are relayed.
        last_modified_enabled: Last-Modified and If-Modified-Since are relayed.
        etag_buster: a text without quotes, put into every tag; empty for none.
        last_modified_buster: nothing counts as older than this moment (with a time zone); None for none.
    """

    etag_enabled: bool = True
    last_modified_enabled: bool = True
    etag_buster: str = ""
    last_modified_buster: datetime | None = None


class Conditions(NamedTuple):
    """The conditional headers of a request; a tuple, as they are part of keys that are looked up ten times each."""

    if_none_match: str | None = None
    if_modified_since: str | None = None


NO_CONDITIONS: Final = Conditions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """The validators of an answer."""

    etag: str | None = None
    last_modified: str | None = None


def conditions_for_source(client: Conditions, rules: ValidatorRules) -> Conditions:
    """What the source is asked, from what the client asked.

    A tag that does not carry the buster belongs to an older deployment. The client's date would be as old, so then
    neither header goes out.
    """
    if client is NO_CONDITIONS:
        return client
    none_match = client.if_none_match if rules.etag_enabled else None
    if none_match and rules.etag_buster:
        none_match = _unbusted(none_match, rules.etag_buster)
        if none_match is None:
            return Conditions()
    return Conditions(if_none_match=none_match or None, if_modified_since=_since(client.if_modified_since, rules))


def validators_for_client(source: Validators, rules: ValidatorRules) -> Validators:
    """What the client gets, from what the source sent with a 200 or a 304."""
    etag = source.etag if rules.etag_enabled else None
    if etag and rules.etag_buster:
        etag = f'"{rules.etag_buster}/{encode_base64url(etag.encode("utf-8", "surrogateescape"))}"'
    return Validators(etag=etag or None, last_modified=_last_modified(source.last_modified, rules))


def parse_imf_fixdate(text: str) -> datetime | None:
    """The moment that a date of the form `Sun, 06 Nov 1994 08:49:37 GMT` names; None for any other text."""
    return _moment(_IMF_FIXDATE.fullmatch(text))


def parse_http_date(text: str) -> datetime | None:
    """The moment that a date of any form that HTTP knows names; None for any other text."""
    return _moment(_IMF_FIXDATE.fullmatch(text) or _RFC_850.fullmatch(text) or _ASCTIME.fullmatch(text))


def http_date(moment: datetime) -> str:
    """A moment with a time zone as HTTP writes it, whatever the process's locale."""
    utc = moment.astimezone(UTC)
    day = f"{_WEEKDAYS[utc.weekday()]}, {utc.day:02} {_MONTHS[utc.month - 1]} {utc.year:04}"
    return f"{day} {utc.hour:02}:{utc.minute:02}:{utc.second:02} GMT"


def _unbusted(tag: str, buster: str) -> str | None:
    """The source's tag inside one of ours; None when the tag is not ours."""
    prefix, slash, encoded = tag.removeprefix("W/").strip('"').rpartition("/")
    if not slash or prefix != buster:
        return None
    try:
        inner = decode_base64url(encoded).decode("utf-8", "surrogateescape")
    except ValueError:
        return None
    # The client made this text up as it liked: a line break in it would be a header of its own to the source.
    return None if _CONTROL.search(inner) else inner


def _since(date: str | None, rules: ValidatorRules) -> str | None:
    if not date or not rules.last_modified_enabled:
        return None
    if rules.last_modified_buster is None:
        return date
    moment = parse_http_date(date)
    return date if moment is not None and moment > rules.last_modified_buster else None


def _last_modified(date: str | None, rules: ValidatorRules) -> str | None:
    moment = parse_http_date(date) if date and rules.last_modified_enabled else None
    if moment is None:
        return None
    buster = rules.last_modified_buster
    return http_date(buster) if buster is not None and moment < buster else date


def _moment(match: re.Match[str] | None) -> datetime | None:
    if match is None or match["month"] not in _MONTHS:
        return None
    year = int(match["year"])
    if len(match["year"]) == 2:
        # POSIX and Go read two digits as 1969 to 2068.
        year += 2000 if year < 69 else 1900
    clock = (int(match["hour"]), int(match["minute"]), int(match["second"]))
    try:
        return datetime(year, _MONTHS.index(match["month"]) + 1, int(match["day"]), *clock, tzinfo=UTC)
    except ValueError:
        return None
