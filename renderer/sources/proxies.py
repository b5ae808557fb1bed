"""Which proxy a request to a source goes through, by the rules of Go's client, which imgproxy uses.

`NO_PROXY` lists hosts that are reached directly: a name with its subdomains, `.name` or `*.name` for the subdomains
alone, an address, a network in CIDR form, each with an optional port; `*` is everything. This machine is always reached
directly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from yarl import URL

from renderer.errors import ConfigurationError, SourceError
from renderer.settings.proxies import ProxySettings
from renderer.sources.http_url import http_target

_HOST_AND_PORT: Final = re.compile(r"(?:\[(?P<address>[^\]]*)\]|(?P<host>[^:]*)):(?P<port>[0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exception:
    """One item of the list: a network, or a name."""

    name: str = ""
    includes_name: bool = True
    network: IPv4Network | IPv6Network | None = None
    port: int | None = None

    def matches(self, host: str, address: IPv4Address | IPv6Address | None, port: int | None) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            return address is not None and address in self.network
        return host.endswith("." + self.name) or (self.includes_name and host == self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy, and what it is told about who we are. The URL has no user info: errors quote it."""

    url: URL
    authorization: str | None = field(default=None, repr=False)


class Proxies:
    """The proxies of the settings; raises ConfigurationError for one that cannot be asked."""

    def __init__(self, settings: ProxySettings) -> None:
        self._by_scheme = {
            scheme: _proxy(text, f"{scheme.upper()}_PROXY")
            for scheme, text in (("http", settings.http), ("https", settings.https))
            if text
        }
        items = [item.strip().lower() for item in settings.none.split(",") if item.strip()]
        self._is_off = "*" in items
        self._exceptions = tuple(_exception(item) for item in items if item != "*")

    def for_url(self, url: URL) -> Proxy | None:
        """The proxy for a request to `url`; None if it goes directly."""
        proxy = self._by_scheme.get(url.scheme)
        host = (url.raw_host or "").removesuffix(".").lower()
        if proxy is None or self._is_off or host == "localhost":
            return None
        address = _address(host)
        if address is not None and address.is_loopback:
            return None
        return None if any(item.matches(host, address, url.port) for item in self._exceptions) else proxy


def _proxy(text: str, variable: str) -> Proxy:
    try:
        target = http_target(text)
    except SourceError as error:
        raise ConfigurationError([f"{variable}: expected the URL of a proxy"]) from error
    return Proxy(url=target.url, authorization=target.authorization)


def _exception(item: str) -> _Exception:
    network = _network(item)
    if network is not None:
        return _Exception(network=network)
    match = _HOST_AND_PORT.fullmatch(item)
    port = int(match["port"]) if match else None
    host = (match["address"] or match["host"] or "") if match else item
    network = _network(host)
    if network is not None:
        return _Exception(network=network, port=port)
    name = host.removeprefix("*").removesuffix(".")
    return _Exception(name=name.removeprefix("."), includes_name=not name.startswith("."), port=port)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is; one of IPv4 that is written as one of IPv6 is that of IPv4, as in Go."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
