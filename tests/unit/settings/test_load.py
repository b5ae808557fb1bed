"""The environment becomes settings, or one message about everything that is wrong with it."""

from __future__ import annotations

import dataclasses
from pathlib import PurePath
from typing import get_type_hints

import pytest

from renderer.errors import ConfigurationError
from renderer.formats import ImageFormat
from renderer.settings.declare import Row, rows
from renderer.settings.elsewhere import SUCCESSORS, is_of_pro
from renderer.settings.load import TABLES, Settings, load_settings, unknown_names, unknown_settings

ALL_ROWS = [(table, attribute, row) for table in TABLES for attribute, row in rows(TABLES[table]).items()]
SECRETS = [(table, attribute, row) for table, attribute, row in ALL_ROWS if row.is_secret]


def problems(environment: dict[str, str]) -> list[str]:
    """What is wrong with an environment, a line for each."""
    with pytest.raises(ConfigurationError) as refused:
        load_settings(environment)
    return refused.value.problems


def test_an_empty_environment_gives_the_defaults() -> None:
    """An empty environment gives the defaults."""
    assert load_settings({}) == Settings()


@pytest.mark.parametrize("text", ["", " ", "\t \n"])
def test_a_blank_variable_counts_as_unset(text: str) -> None:
    """A blank variable counts as unset, for every row but the one whose empty value means something."""
    environment = {name: text for _, _, row in ALL_ROWS if not row.is_empty_meaningful for name in row.names}

    assert load_settings(environment) == Settings()


@pytest.mark.parametrize(("text", "separator"), [("", ""), (" ", " "), ("~", "~"), (None, "?")])
def test_an_empty_query_separator_is_a_value(text: str | None, separator: str) -> None:
    """An empty query separator is a value: it turns the division off."""
    environment = {} if text is None else {"IMGPROXY_SOURCE_URL_QUERY_SEPARATOR": text}

    assert load_settings(environment).sources.source_url_query_separator == separator


def test_variables_reach_their_tables_as_typed_values() -> None:
    """Variables reach their tables as typed values."""
    settings = load_settings(
        {
            "IMGPROXY_BIND": "127.0.0.1:9000",
            "IMGPROXY_KEY": "00ff,aa",
            "IMGPROXY_SALT": "11,22",
            "IMGPROXY_MAX_SRC_RESOLUTION": "16.8",
            "IMGPROXY_LOCAL_FILESYSTEM_ROOT": "/pictures",
            "IMGPROXY_PREFERRED_FORMATS": "webp,jpg",
            "IMGPROXY_FORMAT_QUALITY": "jpeg=70",
            "IMGPROXY_PRESETS": "a=w:1",
            "IMGPROXY_WATERMARK_OPACITY": "0.5",
            "IMGPROXY_LOG_LEVEL": "WARN",
            "BILDWERK_STRICT_SOURCES": "1",
            "PATH": "/bin",
        }
    )

    assert settings.server.bind == "127.0.0.1:9000"
    assert settings.log.level == "warn"
    assert settings.security.keys == (b"\x00\xff", b"\xaa")
    assert settings.security.max_src_resolution == 16_800_000
    assert settings.sources.local_filesystem_root == PurePath("/pictures")
    assert settings.sources.strict_sources
    assert settings.formats.preferred_formats == (ImageFormat.WEBP, ImageFormat.JPEG)
    assert settings.formats.format_quality == ((ImageFormat.JPEG, 70),)
    assert settings.grammar.presets == "a=w:1"
    assert settings.watermark.opacity == 0.5


@pytest.mark.parametrize(
    ("documented", "other"),
    [
        ("IMGPROXY_USE_ETAG", "IMGPROXY_ETAG_ENABLED"),
        ("IMGPROXY_USE_LAST_MODIFIED", "IMGPROXY_LAST_MODIFIED_ENABLED"),
        ("IMGPROXY_AUTO_WEBP", "IMGPROXY_ENABLE_WEBP_DETECTION"),
        ("IMGPROXY_AUTO_AVIF", "IMGPROXY_ENABLE_AVIF_DETECTION"),
    ],
)
def test_both_spellings_of_a_name_work_and_the_documented_one_wins(documented: str, other: str) -> None:
    """Both spellings of a name work; the documented one wins, unless it is blank."""
    table, attribute = next((table, attribute) for table, attribute, row in ALL_ROWS if documented in row.names)

    def value(environment: dict[str, str]) -> object:
        return getattr(getattr(load_settings(environment), table), attribute)

    changed = not value({})
    new, old = str(changed).lower(), str(not changed).lower()
    assert value({other: new}) is changed
    assert value({documented: new}) is changed
    assert value({documented: new, other: old}) is changed
    assert value({documented: " ", other: new}) is changed


def test_every_bad_variable_is_named_at_once_with_what_it_expects_and_what_it_got() -> None:
    """Every bad variable is named at once, with what it expects and what it got."""
    lines = problems(
        {
            "IMGPROXY_TIMEOUT": "0",
            "IMGPROXY_ETAG_ENABLED": "yes",
            "IMGPROXY_PREFERRED_FORMATS": "jpeg,tif",
            "IMGPROXY_QUALITY": "80",
            "IMGPROXY_ALLOWED_SOURCES": "http://x/,",
            "IMGPROXY_MAX_SRC_RESOLUTION": "inf",
        }
    )

    assert [line.partition(":")[0] for line in lines] == [
        "IMGPROXY_TIMEOUT",
        "IMGPROXY_ETAG_ENABLED",
        "IMGPROXY_MAX_SRC_RESOLUTION",
        "IMGPROXY_ALLOWED_SOURCES",
        "IMGPROXY_PREFERRED_FORMATS",
    ]
    assert lines[0] == "IMGPROXY_TIMEOUT: expected a whole number of at least 1, got '0' (out of range)"
    assert "unknown format 'tif'" in lines[-1]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("IMGPROXY_KEY", "aa,"),
        ("IMGPROXY_SALT", ","),
        ("IMGPROXY_ALLOWED_SOURCES", "http://a/,,http://b/"),
        ("IMGPROXY_TRUSTED_SIGNATURES", "a,"),
        ("IMGPROXY_ALLOWED_PROCESSING_OPTIONS", ",w"),
        ("IMGPROXY_PREFERRED_FORMATS", "jpeg,"),
        ("IMGPROXY_URL_REPLACEMENTS", "a=b;"),
    ],
)
def test_an_empty_item_in_a_list_that_guards_something_stops_the_start(name: str, text: str) -> None:
    """An empty item in a list that guards something stops the start."""
    assert [line.partition(":")[0] for line in problems({name: text})] == [name]


def test_keys_without_as_many_salts_stop_the_start() -> None:
    """Keys without as many salts stop the start, and so do salts alone."""
    expected = "IMGPROXY_KEY, IMGPROXY_SALT: expected as many keys as salts, got {} and {}"

    assert problems({"IMGPROXY_KEY": "aa,bb", "IMGPROXY_SALT": "cc"}) == [expected.format(2, 1)]
    assert problems({"IMGPROXY_KEY": "aa"}) == [expected.format(1, 0)]
    assert problems({"IMGPROXY_SALT": "aa"}) == [expected.format(0, 1)]


def test_an_unreadable_key_is_reported_once() -> None:
    """An unreadable key is reported once: that it then has no salt is no second problem."""
    lines = problems({"IMGPROXY_KEY": "zz", "IMGPROXY_SALT": "aa", "IMGPROXY_TTL": "-1"})

    assert lines == [
        "IMGPROXY_TTL: expected a whole number of at least 0, got '-1' (out of range)",
        "IMGPROXY_KEY: expected a comma-separated list of hexadecimal strings, none empty",
    ]


def test_a_long_bad_value_is_shown_in_part() -> None:
    """A long bad value is shown in part."""
    assert len(problems({"IMGPROXY_AUTO_WEBP": "x" * 100_000})[0]) < 500


@pytest.mark.parametrize(("table", "attribute", "row"), SECRETS)
def test_no_secret_is_shown_by_the_settings(table: str, attribute: str, row: Row) -> None:
    """No secret is shown by the settings, while the representation names every other field."""
    shown = "deadbeef" * 4
    default = getattr(getattr(Settings(), table), attribute)
    value = shown.encode() if isinstance(default, bytes) else shown if isinstance(default, str) else (shown,)
    settings = dataclasses.replace(
        Settings(), **{table: dataclasses.replace(getattr(Settings(), table), **{attribute: value})}
    )

    assert "deadbeef" not in repr(settings)
    assert "deadbeef" not in str(settings)
    assert row.is_secret


@pytest.mark.parametrize(
    "name", ["IMGPROXY_KEY", "IMGPROXY_SALT", "IMGPROXY_SOURCE_URL_ENCRYPTION_KEY", "IMGPROXY_TRUSTED_SIGNATURES"]
)
def test_no_secret_is_shown_by_a_message(name: str) -> None:
    """No secret is shown by a message, though it is what was refused."""
    with pytest.raises(ConfigurationError, match=name) as refused:
        load_settings({name: "hunter2,"})

    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("IMGPROXY_WORKRES", "IMGPROXY_WORKERS"),
        ("IMGPROXY_ALLOWED_SOURCE", "IMGPROXY_ALLOWED_SOURCES"),
        ("IMGPROXY_KEYS", "IMGPROXY_KEY"),
        ("BILDWERK_STRICT_SOURCE", "BILDWERK_STRICT_SOURCES"),
        ("BILDWERK_QUALITY", "IMGPROXY_QUALITY"),
        ("IMGPROXY_NOTHING_LIKE_IT", None),
        ("IMGPROXY_", None),
    ],
)
def test_an_unknown_name_comes_with_the_nearest_known_one(name: str, nearest: str | None) -> None:
    """An unknown name comes with the nearest known one, if one is near."""
    assert unknown_names([name]) == [(name, nearest)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("IMGPROXY_QUALTY", "IMGPROXY_QUALTY is unknown; is IMGPROXY_QUALITY meant?"),
        ("IMGPROXY_NOTHING_LIKE_IT", "IMGPROXY_NOTHING_LIKE_IT is unknown"),
        ("IMGPROXY_CONCURRENCY", "IMGPROXY_CONCURRENCY was removed in imgproxy 4 for IMGPROXY_WORKERS"),
        ("IMGPROXY_READ_TIMEOUT", "IMGPROXY_READ_TIMEOUT was removed in imgproxy 4 for IMGPROXY_READ_REQUEST_TIMEOUT"),
        (
            "IMGPROXY_OPEN_TELEMETRY_SERVICE_NAME",
            "IMGPROXY_OPEN_TELEMETRY_SERVICE_NAME was removed in imgproxy 4 for OTEL_SERVICE_NAME",
        ),
        ("IMGPROXY_CACHE_GCS_KEY", "IMGPROXY_CACHE_GCS_KEY is a setting of imgproxy Pro that has no effect here"),
        (
            "IMGPROXY_AUTOQUALITY_METHOD",
            "IMGPROXY_AUTOQUALITY_METHOD is a setting of imgproxy Pro that has no effect here",
        ),
        (
            "IMGPROXY_CACHE_CONTROL_PASSTHRU",
            "IMGPROXY_CACHE_CONTROL_PASSTHRU is unknown; is IMGPROXY_CACHE_CONTROL_PASSTHROUGH meant?",
        ),
    ],
)
def test_what_nobody_reads_is_told_with_what_can_be_done_about_it(name: str, text: str) -> None:
    """What nobody reads is told with what can be done: a misspelled name, one that has a successor, one of Pro's."""
    assert unknown_settings([name, "PATH"]) == [text]


@pytest.mark.parametrize("text", ["1", "yes", "jemalloc", ":8088", "-"])
def test_settings_that_do_nothing_here_take_any_value_without_a_word(text: str) -> None:
    """Settings that do nothing here take any value, and nobody is told of them."""
    names = [name for row in rows(TABLES["accepted"]).values() for name in row.names]

    load_settings(dict.fromkeys(names, text))
    assert {"IMGPROXY_MALLOC", "IMGPROXY_LICENSE_KEY", "IMGPROXY_FAIL_ON_DEPRECATION"} <= set(names)
    assert unknown_settings(names) == []


def test_no_name_is_known_and_told_as_removed_or_as_missing_at_once() -> None:
    """No name that a table has is told as removed or as one of Pro's, and every successor is a name that is read."""
    known = {name for _, _, row in ALL_ROWS for name in row.names}

    assert not known & set(SUCCESSORS)
    assert not [name for name in known if is_of_pro(name)]
    assert all(name in known or name.startswith("OTEL_") for name in SUCCESSORS.values())


def test_known_names_and_names_of_others_are_not_unknown() -> None:
    """Known names and names of others are not unknown; unknown ones come sorted."""
    known = [name for _, _, row in ALL_ROWS for name in row.names]

    assert unknown_names([*known, "PATH", "imgproxy_bind", "AWS_REGION", "XIMGPROXY_BIND"]) == []
    assert [name for name, _ in unknown_names(["IMGPROXY_ZZZ", "BILDWERK_ZZZ"])] == ["BILDWERK_ZZZ", "IMGPROXY_ZZZ"]


def test_every_name_belongs_to_one_row() -> None:
    """Every name belongs to one row and carries one of the two prefixes, or the one that imgproxy misspells.

    Proxies alone have the names that every HTTP client reads.
    """
    names = [name for _, _, row in ALL_ROWS for name in row.names]
    own = [name for table, _, row in ALL_ROWS if table != "proxies" for name in row.names]

    assert len(names) == len(set(names))
    assert all(name.startswith(("IMGPROXY_", "BILDWERK_", "IMGRPOXY_SWIFT_")) for name in own)


def test_the_tables_are_the_parts_of_the_settings() -> None:
    """The tables are the parts of the settings, so no part is left unread."""
    assert dict(TABLES) == get_type_hints(Settings)


IN_WORDS = {"blank", "all"}
WRITTEN = [
    (table, attribute, row)
    for table, attribute, row in ALL_ROWS
    # The format qualities that are given are merged over those shown, so the value itself starts empty.
    if row.shown_default not in IN_WORDS and " " not in row.shown_default and attribute != "format_quality"
]


@pytest.mark.parametrize(("table", "attribute", "row"), WRITTEN)
def test_a_default_written_as_the_documentation_shows_it_is_the_default(table: str, attribute: str, row: Row) -> None:
    """A default, written as the documentation shows it, reads as the default."""
    settings = load_settings({row.names[0]: row.shown_default})

    assert settings == Settings()
    assert row.reader.read(row.shown_default) == getattr(getattr(settings, table), attribute)
