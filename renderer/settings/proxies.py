"""Settings of outbound proxies, under the names that every HTTP client reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from renderer.settings.declare import Reader, setting
from renderer.settings.readers import TEXT


def _read_proxy(text: str) -> str:
    url = text.strip()
    # Go's client, which imgproxy uses, takes `host:port` for an http proxy.
    url = url if "://" in url else f"http://{url}"
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https"):
        raise ValueError("not http or https")
    if not parts.hostname or parts.port == 0:
        raise ValueError("no host")
    return url


_PROXY: Final = Reader(expected="the http or https URL of a proxy, or host:port", read=_read_proxy)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """Outbound proxies of http(s) sources."""

    http: str = setting(
        "HTTP_PROXY", "http_proxy", read=_PROXY, default="", secret=True, doc="Proxy for `http://` sources."
    )
    https: str = setting(
        "HTTPS_PROXY",
        "https_proxy",
        read=_PROXY,
        default="",
        secret=True,
        doc="Proxy for `https://` sources (CONNECT).",
    )
    none: str = setting(
        "NO_PROXY",
        "no_proxy",
        read=TEXT,
        default="",
        doc="Hosts that are reached without a proxy: names (with their subdomains; `.name` for these alone), addresses,"
        " networks as `10.0.0.0/8`, each with an optional port; `*` for all. This machine never needs one.",
    )
