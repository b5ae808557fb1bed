"""Which proxy a request goes through."""

from __future__ import annotations

import pytest
from yarl import URL

from renderer.errors import ConfigurationError
from renderer.settings.load import load_settings
from renderer.settings.proxies import ProxySettings
from renderer.sources.proxies import Proxies

HTTP, HTTPS = "http://proxy.test:3128", "http://secure.test:3129"


@pytest.mark.parametrize(
    ("url", "no_proxy", "proxy"),
    [
        ("http://a.test/x", "", HTTP),
        ("https://a.test/x", "", HTTPS),
        ("http://localhost/x", "", None),
        ("http://localhost:8080/x", "", None),
        ("http://127.0.0.1/x", "", None),
        ("http://127.9.9.9/x", "", None),
        ("http://[::1]/x", "", None),
        ("http://10.0.0.1/x", "", HTTP),
        ("http://a.test/x", "*", None),
        ("http://a.test/x", "b.test, *", None),
        ("http://a.test/x", "a.test", None),
        ("http://A.TEST./x", "a.test", None),
        ("http://a.test/x", "A.Test.", None),
        ("http://b.a.test/x", "a.test", None),
        ("http://ba.test/x", "a.test", HTTP),
        ("http://a.test/x", ".a.test", HTTP),
        ("http://b.a.test/x", ".a.test", None),
        ("http://b.a.test/x", "*.a.test", None),
        ("http://a.test/x", "*.a.test", HTTP),
        ("http://a.test/x", "a.test:80", None),
        ("http://a.test:81/x", "a.test:80", HTTP),
        ("https://a.test/x", "a.test:443", None),
        ("http://10.1.2.3/x", "10.0.0.0/8", None),
        ("http://11.1.2.3/x", "10.0.0.0/8", HTTP),
        ("http://10.1.2.3/x", "10.1.2.3", None),
        ("http://10.1.2.3:81/x", "10.1.2.3:80", HTTP),
        ("http://10.1.2.3:81/x", "10.1.2.3:81", None),
        ("http://[fd00::1]/x", "fd00::/8", None),
        ("http://[fd00::1]/x", "fd00::1", None),
        ("http://[fd00::1]:81/x", "[fd00::1]:81", None),
        ("http://a.test/x", "10.0.0.0/8,,  , b.test", HTTP),
    ],
)
def test_a_request_goes_through_the_proxy_unless_its_host_is_listed(url: str, no_proxy: str, proxy: str | None) -> None:
    proxies = Proxies(ProxySettings(http=HTTP, https=HTTPS, none=no_proxy))

    found = proxies.for_url(URL(url))

    assert (found and found.url) == (None if proxy is None else URL(proxy))


def test_user_info_becomes_a_header_and_leaves_the_url() -> None:
    proxy = Proxies(ProxySettings(http="http://me:p%40ss@proxy.test:3128")).for_url(URL("http://a.test/"))

    assert proxy is not None
    assert (proxy.url, proxy.authorization) == (URL(HTTP), "Basic bWU6cEBzcw==")
    assert "pass" not in repr(proxy)


@pytest.mark.parametrize("url", ["http://127.1:3128", "http://a b:3128"])
def test_a_proxy_that_cannot_be_asked_stops_the_start(url: str) -> None:
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY"):
        Proxies(ProxySettings(https=url))


def test_without_settings_there_is_no_proxy() -> None:
    assert Proxies(ProxySettings()).for_url(URL("http://a.test/")) is None


@pytest.mark.parametrize(
    "environment",
    [
        {"HTTP_PROXY": HTTP, "HTTPS_PROXY": HTTPS, "NO_PROXY": "x"},
        {"http_proxy": HTTP, "https_proxy": HTTPS, "no_proxy": "x"},
        {"HTTP_PROXY": HTTP, "http_proxy": "http://other.test", "https_proxy": HTTPS, "NO_PROXY": "x"},
        {"HTTP_PROXY": "proxy.test:3128", "https_proxy": "secure.test:3129", "NO_PROXY": "x"},
    ],
)
def test_both_cases_are_read_and_capitals_win(environment: dict[str, str]) -> None:
    assert load_settings(environment).proxies == ProxySettings(http=HTTP, https=HTTPS, none="x")


@pytest.mark.parametrize("text", ["socks5://proxy.test:1080", "http://", "ftp://x", "http://a:b:c"])
def test_a_proxy_that_cannot_be_used_stops_the_start_and_is_not_shown(text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings({"HTTPS_PROXY": text})

    assert [problem.partition(":")[0] for problem in refused.value.problems] == ["HTTPS_PROXY"]
    assert text not in refused.value.problems[0]
