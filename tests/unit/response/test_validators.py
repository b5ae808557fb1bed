"""Validators travel between client and source, and busters make old ones invalid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.response.validators import (
    Conditions,
    ValidatorRules,
    Validators,
    conditions_for_source,
    http_date,
    parse_http_date,
    parse_imf_fixdate,
    validators_for_client,
)
from renderer.scalars import encode_base64url

DATE = "Wed, 21 Oct 2015 07:28:00 GMT"
MOMENT = datetime(2015, 10, 21, 7, 28, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PLAIN = ValidatorRules()
BUSTED = ValidatorRules(etag_buster="v2")


@pytest.mark.parametrize("etag", ['"o-98594"', 'W/"x"', "*", '"a", "b"', "unquoted"])
@pytest.mark.parametrize("date", [DATE, "garbage"])
def test_without_busters_conditions_go_out_as_they_came(etag: str, date: str) -> None:
    """Lists, stars and nonsense included: the source judges them."""
    client = Conditions(if_none_match=etag, if_modified_since=date)
    assert conditions_for_source(client, PLAIN) == client


@pytest.mark.parametrize("value", [None, ""])
def test_no_condition_is_no_condition(value: str | None) -> None:
    """An absent header and an empty one are the same."""
    client = Conditions(if_none_match=value, if_modified_since=value)
    for rules in (PLAIN, BUSTED, ValidatorRules(last_modified_buster=MOMENT)):
        assert conditions_for_source(client, rules) == Conditions()


@pytest.mark.parametrize("etag_enabled", [True, False])
@pytest.mark.parametrize("last_modified_enabled", [True, False])
@pytest.mark.parametrize("etag_buster", ["", "v2"])
def test_the_switches_turn_each_validator_off_both_ways(
    etag_enabled: bool, last_modified_enabled: bool, etag_buster: str
) -> None:
    """A foreign tag does not suppress the date when tags are off."""
    rules = ValidatorRules(
        etag_enabled=etag_enabled, last_modified_enabled=last_modified_enabled, etag_buster=etag_buster
    )
    tag = f'"v2/{encode_base64url(b"x")}"' if etag_buster else "x"
    asked = conditions_for_source(Conditions(if_none_match=tag, if_modified_since=DATE), rules)
    assert (asked.if_none_match, asked.if_modified_since) == (
        "x" if etag_enabled else None,
        DATE if last_modified_enabled else None,
    )
    sent = validators_for_client(Validators(etag="x", last_modified=DATE), rules)
    assert (sent.etag, sent.last_modified) == (
        tag if etag_enabled else None,
        DATE if last_modified_enabled else None,
    )
    if not etag_enabled:
        foreign = Conditions(if_none_match='"foreign"', if_modified_since=DATE)
        assert conditions_for_source(foreign, rules).if_modified_since == (DATE if last_modified_enabled else None)


@pytest.mark.parametrize(
    ("source", "client"),
    [
        ('"o-98594"', '"v2/Im8tOTg1OTQi"'),
        (
            '"8Xf9Gel1cKyxqZudRuFg3AcjySDeclE5BZMtHLV07TA"',
            '"v2/IjhYZjlHZWwxY0t5eHFadWRSdUZnM0FjanlTRGVjbEU1QlpNdEhMVjA3VEEi"',
        ),
        ('W/"weak"', '"v2/Vy8id2VhayI"'),
        ("0a1b2c", '"v2/MGExYjJj"'),
    ],
)
def test_a_busted_tag_is_undone_on_its_way_back(source: str, client: str) -> None:
    """The source gets its own tag, quotes and all; caches may have made ours weak."""
    assert validators_for_client(Validators(etag=source), BUSTED).etag == client
    for tag in (client, f"W/{client}", client.strip('"')):
        assert conditions_for_source(Conditions(if_none_match=tag), BUSTED).if_none_match == source


@pytest.mark.parametrize(
    "etag",
    [
        '"o-98594"',
        "*",
        '"v1/Im8tOTg1OTQi"',
        '"v2"',
        '"v2Im8tOTg1OTQi"',
        '"v2/Im8tOTg1OTQi="',
        '"v2/Im8+OTg1OTQi"',
        '"v2/A"',
        '"v2/Im8tOTg1OTQi", "v2/Im8tOTg1OTQi"',
        '"V2/Im8tOTg1OTQi"',
        f'"v2/{encode_base64url(b"x" + bytes([13, 10]) + b"X-Evil: 1")}"',
        f'"v2/{encode_base64url(bytes(1))}"',
    ],
)
def test_a_foreign_tag_silences_both_conditions(etag: str) -> None:
    """Such a client's copy is from before the buster. Made-up tags cannot write headers of their own."""
    client = Conditions(if_none_match=etag, if_modified_since=DATE)
    assert conditions_for_source(client, BUSTED) == Conditions()


def test_without_a_tag_the_date_goes_out_despite_the_etag_buster() -> None:
    """The tag buster says nothing about dates alone."""
    assert conditions_for_source(Conditions(if_modified_since=DATE), BUSTED).if_modified_since == DATE


def test_a_buster_may_contain_a_slash() -> None:
    """The tag's own part is what follows the last one."""
    rules = ValidatorRules(etag_buster="2025/06")
    tag = validators_for_client(Validators(etag='"x"'), rules).etag
    assert conditions_for_source(Conditions(if_none_match=tag), rules).if_none_match == '"x"'


@given(st.binary(min_size=1).filter(lambda raw: not any(byte < 32 or byte == 127 for byte in raw)))
def test_any_tag_survives_the_buster(raw: bytes) -> None:
    """Also bytes that are no UTF-8."""
    tag = raw.decode("utf-8", "surrogateescape")
    sent = validators_for_client(Validators(etag=tag), BUSTED).etag
    assert conditions_for_source(Conditions(if_none_match=sent), BUSTED).if_none_match == tag


@pytest.mark.parametrize(("buster", "is_asked"), [(MOMENT - SECOND, True), (MOMENT, False), (MOMENT + SECOND, False)])
def test_a_date_goes_out_only_if_it_is_later_than_the_buster(buster: datetime, is_asked: bool) -> None:
    """Strictly later: the buster's own second is stale."""
    asked = conditions_for_source(Conditions(if_modified_since=DATE), ValidatorRules(last_modified_buster=buster))
    assert asked.if_modified_since == (DATE if is_asked else None)


def test_a_date_that_cannot_be_read_does_not_pass_a_buster() -> None:
    """Nobody knows whether it is later; the tag goes out all the same."""
    rules = ValidatorRules(last_modified_buster=MOMENT)
    asked = conditions_for_source(Conditions(if_none_match='"x"', if_modified_since="garbage"), rules)
    assert asked == Conditions(if_none_match='"x"')


@pytest.mark.parametrize(
    ("buster", "expected"),
    [
        (None, DATE),
        (MOMENT - SECOND, DATE),
        (MOMENT, DATE),
        (MOMENT + SECOND, "Wed, 21 Oct 2015 07:28:01 GMT"),
        (datetime(2020, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=2))), "Tue, 31 Dec 2019 23:00:00 GMT"),
    ],
)
def test_an_older_date_is_replaced_by_the_buster(buster: datetime | None, expected: str) -> None:
    """Written in GMT whatever the buster's own zone."""
    sent = validators_for_client(Validators(last_modified=DATE), ValidatorRules(last_modified_buster=buster))
    assert sent.last_modified == expected


@pytest.mark.parametrize("date", ["garbage", "", None, "2015-10-21", "Wed, 32 Oct 2015 07:28:00 GMT"])
@pytest.mark.parametrize("buster", [None, MOMENT])
def test_a_last_modified_that_cannot_be_read_is_not_passed_on(date: str | None, buster: datetime | None) -> None:
    """With a buster or without."""
    sent = validators_for_client(Validators(last_modified=date), ValidatorRules(last_modified_buster=buster))
    assert sent == Validators()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)),
        ("Mon, 06 Nov 1994 08:49:37 GMT", datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)),
        ("Saturday, 06-Nov-68 08:49:37 GMT", datetime(2068, 11, 6, 8, 49, 37, tzinfo=UTC)),
        ("Saturday, 06-Nov-69 08:49:37 GMT", datetime(1969, 11, 6, 8, 49, 37, tzinfo=UTC)),
        ("Sun Nov  6 08:49:37 1994", datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)),
        ("Wed Nov 16 08:49:37 1994", datetime(1994, 11, 16, 8, 49, 37, tzinfo=UTC)),
        ("Sun, 06 Nov 1994 08:49:37 +0000", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT ", None),
        ("Sun, 6 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Foo 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 24:00:00 GMT", None),
        ("Sun, 06 Nov 1994 08:49:60 GMT", None),
        ("Sun, 31 Feb 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 0000 08:49:37 GMT", None),
        ("Sun, ٠٦ Nov 1994 08:49:37 GMT", None),
        ("Sun Nov 00 08:49:37 1994", None),
        ("0", None),
        ("", None),
    ],
)
def test_the_three_forms_of_http_dates_are_read(text: str, expected: datetime | None) -> None:
    """Whole and in English; the weekday is not checked against the date."""
    assert parse_http_date(text) == expected


def test_the_fixed_form_is_the_only_one_where_it_is_asked_for() -> None:
    """`Expires` is read in this form alone."""
    assert parse_imf_fixdate(DATE) == MOMENT
    assert parse_imf_fixdate("Sunday, 06-Nov-94 08:49:37 GMT") is None
    assert parse_imf_fixdate("Sun Nov  6 08:49:37 1994") is None


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_written_date_is_read_back(moment: datetime) -> None:
    """To the second."""
    assert parse_imf_fixdate(http_date(moment)) == moment.replace(microsecond=0)
