"""Which cookies go to which source."""

from __future__ import annotations

import pytest
from yarl import URL

from renderer.settings.sources import SourceSettings
from renderer.sources.cookies import CookiePassthrough, cookie_header, parse_cookies, request_url


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        ("a=1", (("a", "1"),)),
        ("a=1; b=2;c=3", (("a", "1"), ("b", "2"), ("c", "3"))),
        ('a="1 2"', (("a", '"1 2"'),)),
        ("a=1=2", (("a", "1=2"),)),
        ("a=1, 2", (("a", "1, 2"),)),
        ("a", (("a", ""),)),
        ("a=1; a=2", (("a", "1"), ("a", "2"))),
        ('=1; ; a b=1; a=\\; b=\xe9; c=x\x01; d="; e=1', (("e", "1"),)),
    ],
)
def test_a_cookie_header_is_taken_apart_and_keeps_its_quotes(header: str, cookies: tuple[tuple[str, str], ...]) -> None:
    assert parse_cookies(header) == cookies


def test_a_cookie_header_is_put_together_again() -> None:
    assert cookie_header((("a", "1"), ("b", '"2"'))) == 'a=1; b="2"'
    assert cookie_header(()) is None


@pytest.mark.parametrize(
    ("client", "url"),
    [
        ({"host": "img.test"}, "http://img.test"),
        ({"host": "img.test:8080"}, "http://img.test:8080"),
        ({"host": "in.test", "x-forwarded-host": "out.test"}, "http://out.test"),
        ({"host": "in.test", "x-forwarded-host": "out.test, mid.test"}, "http://out.test"),
        ({"host": "img.test", "x-forwarded-proto": "https", "x-forwarded-port": "444"}, "https://img.test"),
        ({"host": "in.test", "x-forwarded-host": ""}, "http://in.test"),
    ],
)
def test_the_base_is_the_request_as_the_client_saw_it(client: dict[str, str], url: str) -> None:
    assert request_url(client) == url


@pytest.mark.parametrize(
    ("base", "source", "goes"),
    [
        ("http://a.test/", "http://a.test/x", True),
        ("http://a.test", "http://a.test/", True),
        ("http://A.test", "http://a.test/x", True),
        ("http://a.test:81", "http://a.test:82/x", True),
        ("http://a.test", "https://a.test/x", True),
        ("https://a.test", "http://a.test/x", True),
        ("http://bücher.test", "http://xn--bcher-kva.test/x", True),
        ("http://127.0.0.1", "http://127.0.0.1/x", True),
        ("http://[::1]:8080", "http://[::1]/x", True),
        ("http://a.test", "http://b.a.test/x", False),
        ("http://b.a.test", "http://a.test/x", False),
        ("http://co.uk", "http://a.co.uk/x", False),
        ("http://a.test/app/page", "http://a.test/app/x", True),
        ("http://a.test/app/page", "http://a.test/app", True),
        ("http://a.test/app/", "http://a.test/app/x/y", True),
        ("http://a.test/app/page", "http://a.test/application", False),
        ("http://a.test/app/page", "http://a.test/", False),
        ("http://a.test/app", "http://a.test/x", True),
        ("ftp://a.test", "http://a.test/x", False),
        ("http://", "http://a.test/x", False),
        ("http://a b", "http://a.test/x", False),
        ("garbage", "http://a.test/x", False),
    ],
)
def test_cookies_go_to_their_host_and_below_their_folder(base: str, source: str, *, goes: bool) -> None:
    """Host-only, so there is no parent domain and no public suffix to ask for."""
    rules = CookiePassthrough(SourceSettings(cookie_passthrough=True, cookie_base_url=base))

    assert rules.cookies({"cookie": "a=1", "host": "other.test"}, URL(source)) == ((("a", "1"),) if goes else ())


@pytest.mark.parametrize("source", ["http://a.test/x", "https://b.test/"])
def test_with_all_they_go_everywhere(source: str) -> None:
    rules = CookiePassthrough(SourceSettings(cookie_passthrough=True, cookie_passthrough_all=True))

    assert rules.cookies({"cookie": "a=1; a=2", "host": "x.test"}, URL(source)) == (("a", "1"), ("a", "2"))


def test_all_alone_switches_nothing_on() -> None:
    rules = CookiePassthrough(SourceSettings(cookie_passthrough_all=True))

    assert rules.cookies({"cookie": "a=1", "host": "a.test"}, URL("http://a.test/")) == ()


def test_the_last_of_several_cookies_of_one_name_counts() -> None:
    rules = CookiePassthrough(SourceSettings(cookie_passthrough=True))
    client = {"cookie": "a=1; b=2; a=3", "host": "a.test"}

    assert rules.cookies(client, URL("http://a.test/")) == (("a", "3"), ("b", "2"))
