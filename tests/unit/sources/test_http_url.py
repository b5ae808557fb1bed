"""http(s) URLs: what goes out, and what is no URL at all."""

from __future__ import annotations

import pytest

from renderer.errors import SourceError
from renderer.sources.http_url import http_target, source_target


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("", "/"),
        ("/", "/"),
        ("/a%2Fb", "/a%2Fb"),
        ("/a%20b", "/a%20b"),
        ("/a+b", "/a+b"),
        ("/a%2bb%2Bc", "/a%2bb%2Bc"),
        ("/%41", "/%41"),
        ("//a//b/", "//a//b/"),
        ("/a/../b/./c", "/a/../b/./c"),
        ("/%2e%2e/b", "/%2e%2e/b"),
        ("/a;b=c,d&e:f@g=h!$'()*~", "/a;b=c,d&e:f@g=h!$'()*~"),
        ("/[1]", "/[1]"),
        ("/a b", "/a%20b"),
        ("/a b(1)", "/a%20b%281%29"),
        ("/a b%2Fc", "/a%20b%2Fc"),
        ('/"<>\\^`{|}', "/%22%3C%3E%5C%5E%60%7B%7C%7D"),
        ("/é/日本", "/%C3%A9/%E6%97%A5%E6%9C%AC"),
        ("/\udcff", "/%FF"),
        ("?img=a%20b", "/?img=a%20b"),
        ("/q?img=a%20b+c%2Fd&&=%", "/q?img=a%20b+c%2Fd&&=%"),
        ("/q?u=http://x/?y", "/q?u=http://x/?y"),
        ("/q?a b=é", "/q?a%20b=%C3%A9"),
        ("/a#fragment?x", "/a"),
        ("/a?x#fragment", "/a?x"),
    ],
)
def test_path_and_query_go_out_as_written_and_escaped_only_where_they_must_be(written: str, sent: str) -> None:
    assert source_target("http://host.test" + written).url.raw_path_qs == sent


@pytest.mark.parametrize(
    ("authority", "host", "port"),
    [
        ("host.test", "host.test", 80),
        ("HOST.Test", "host.test", 80),
        ("host.test:8080", "host.test", 8080),
        ("host.test:", "host.test", 80),
        ("under_score.test", "under_score.test", 80),
        ("bücher.test", "xn--bcher-kva.test", 80),
        ("127.0.0.1:81", "127.0.0.1", 81),
        ("[::1]:81", "::1", 81),
        ("[2001:DB8:0:0::1]", "2001:db8::1", 80),
        ("user:pw@host.test:81", "host.test", 81),
        ("a@b@host.test", "host.test", 80),
        ("1e100.net", "1e100.net", 80),
        ("4.8.test", "4.8.test", 80),
        ("0x7f.test", "0x7f.test", 80),
    ],
)
def test_the_authority_names_host_and_port(authority: str, host: str, port: int) -> None:
    url = source_target(f"http://{authority}/x").url

    assert (url.raw_host, url.port) == (host, port)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "127.1",
        "127.0.1",
        "0x7f.1",
        "0x7f000001",
        "0X7F.0.0.0X1",
        "0177.0.0.1",
        "0177.1",
        "017700000001",
        "127.0.0.01",
        "127.0.0.1.",
        "127.0.0.0x1",
        "256.1.1.1",
        "1.2.3.4.5",
        "0",
        "0x",
        "host.test.1",
        "\uff11\uff12\uff17.1",
        "127。1",
    ],
)
def test_numbers_that_only_c_libraries_read_as_addresses_are_no_hosts(host: str) -> None:
    with pytest.raises(SourceError, match="malformed"):
        source_target(f"http://{host}/x")


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http:///path",
        "http://?query",
        "http://:80/x",
        "http://user@/x",
        "http:/host.test/x",
        "http:host.test",
        "//host.test/x",
        "host.test/x",
        "ftp://host.test/x",
        "http://host.test:port/x",
        "http://host.test:-1/x",
        "http://host.test:65536/x",
        "http://host.test:99999999999999999999/x",
        "http://host.test:80:80/x",
        "http://ho st.test/x",
        "http://host.test\\@other.test/x",
        "http://ho%73t.test/x",
        "http://[::1/x",
        "http://::1/x",
        "http://[::1]x/x",
        "http://[127.0.0.1]/x",
        "http://[fe80::1%eth0]/x",
        "http://[fe80::1%25eth0]/x",
        "http://[v1.x]/x",
        "http://user name@host.test/x",
        "http://us[er@host.test/x",
        "http://us%zzer@host.test/x",
        "http://host.test/100%",
        "http://host.test/%zz",
        "http://host.test/a\nb",
        "http://host.test/a\x00b",
        "http://host.test/?a\x7fb",
        "http://host\t.test/",
        "http://\ud800.test/",
        "http://host.test/\ud800",
        "http://" + "a" * 64 + ".é/",
    ],
)
def test_a_url_that_cannot_be_requested_is_a_source_error(url: str) -> None:
    with pytest.raises(SourceError) as raised:
        source_target(url)

    assert type(raised.value) is SourceError
    assert raised.value.status == 404


@pytest.mark.parametrize(
    ("user_info", "authorization"),
    [
        ("user:pw@", "Basic dXNlcjpwdw=="),
        ("user@", "Basic dXNlcjo="),
        (":pw@", "Basic OnB3"),
        ("us%40er:p%3Aw@", "Basic dXNAZXI6cDp3"),
        ("user:p:w@", "Basic dXNlcjpwOnc="),
        ("@", "Basic Og=="),
        ("", None),
    ],
)
def test_user_info_becomes_basic_authorization_and_leaves_the_url(user_info: str, authorization: str | None) -> None:
    target = source_target(f"http://{user_info}host.test/x")

    assert target.authorization == authorization
    assert str(target.url) == "http://host.test/x"


def test_an_upper_case_scheme_makes_the_rest_opaque() -> None:
    assert str(source_target("HTTP://host.test/a%20b?c#d").url) == "http://host.test/a%2520b%3Fc%23d"


def test_a_redirect_s_target_is_never_opaque() -> None:
    assert str(http_target("HTTP://host.test/a%20b?c#d").url) == "http://host.test/a%20b?c"


def test_the_error_does_not_repeat_credentials() -> None:
    with pytest.raises(SourceError) as raised:
        source_target("http://user:hunter2@127.1/%zz")

    assert "hunter2" not in str(raised.value)
