"""The text of an http(s) source URL -> what is dialled and what is sent.

The rules are those of Go's parser, against which source URLs in the wild were tried: path and query go out as they are
written, what may not stand in a request line is percent-encoded, and what Go refuses is refused (spec 03 sections 4.1
and 4.2). Hosts that only C libraries read as addresses, such as `2130706433` or `0x7f.1`, are no hosts.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from yarl import URL

from renderer.errors import SourceError

_PARTS: Final = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:\#.*)?",
    re.IGNORECASE | re.DOTALL,
)
_HOST_AND_PORT: Final = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]%]+)(?::(?P<port>[0-9]*))?")
_USER_INFO: Final = re.compile(r"(?:[A-Za-z0-9\-._:~!$&'()*+,;=@]|%[0-9A-Fa-f]{2})*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LEGAL_PATH: Final = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/\[\]%]*")
# Once a path needs escaping, Go escapes by a stricter table than the one it accepts.
_ESCAPED_IN_PATH: Final = re.compile(r"[^A-Za-z0-9\-._~$&+,;=:@/%]+")
_ESCAPED_IN_QUERY: Final = re.compile(r"[^\x21-\x7e]+")
_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_MAX_PORT: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTarget:
    """Where a request goes. `url` has neither user info nor fragment; `authorization` is what the user info means."""

    url: URL
    authorization: str | None


def source_target(url: str) -> HttpTarget:
    """The target of a source URL.

    A scheme that is not written in lower case makes the rest opaque: `%`, `?` and `#` stand for themselves.

    Raises:
        SourceError: the URL cannot be requested.
    """
    if not url.startswith(("http://", "https://")):
        url = url.replace("%", "%25").replace("?", "%3F").replace("#", "%23")
    return http_target(url)


def http_target(url: str) -> HttpTarget:
    """The target of an absolute http(s) URL; raises SourceError if it cannot be requested."""
    parts = _PARTS.fullmatch(url)
    if parts is None or _CONTROL.search(url) or _BROKEN_ESCAPE.search(parts["path"]):
        raise SourceError("Source URL is malformed: no host, a control character or a broken escape")
    user_info, at, host_and_port = parts["authority"].rpartition("@")
    try:
        origin = _origin(parts["scheme"].lower(), host_and_port)
        path, query = _escaped_path(parts["path"]), parts["query"]
        rest = path if query is None else f"{path}?{_ESCAPED_IN_QUERY.sub(_quoted, query)}"
        target = URL(str(origin) + rest, encoded=True)
        return HttpTarget(url=target, authorization=_basic(user_info) if at else None)
    except ValueError as error:
        raise SourceError(f"Source URL is malformed: {error}") from error


def _origin(scheme: str, host_and_port: str) -> URL:
    match = _HOST_AND_PORT.fullmatch(host_and_port)
    if match is None:
        raise ValueError("no host")
    port = int(match["port"][:6]) if match["port"] else None
    if port is not None and port > _MAX_PORT:
        raise ValueError("no such port")
    host = match["host"]
    if host.startswith("["):
        return URL.build(scheme=scheme, host=_address(host[1:-1]), port=port)
    origin = URL.build(scheme=scheme, host=host, port=port)
    _refuse_number(origin.raw_host or "")
    return origin


def _address(text: str) -> str:
    # A zone names an interface of this machine, which no source URL has any business to choose.
    if "%" in text:
        raise ValueError("an address with a zone")
    return str(IPv6Address(text))


def _refuse_number(host: str) -> None:
    """Raises ValueError for a host that ends in a number and is no dotted quad: C libraries take it for an address."""
    last_label = host.removesuffix(".").rpartition(".")[2]
    if _NUMBER.fullmatch(last_label):
        try:
            IPv4Address(host)
        except AddressValueError as error:
            raise ValueError("a number for a host") from error


def _quoted(match: re.Match[str]) -> str:
    return quote(match[0].encode("utf-8", "surrogateescape"), safe="")


def _escaped_path(path: str) -> str:
    # Escapes that are there stay as written: Go would turn `%2F` into `/` in a path that also has a space.
    return (path if _LEGAL_PATH.fullmatch(path) else _ESCAPED_IN_PATH.sub(_quoted, path)) or "/"


def _basic(user_info: str) -> str:
    if not _USER_INFO.fullmatch(user_info):
        raise ValueError("user info has characters that must be escaped")
    user, _, password = user_info.partition(":")
    credentials = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return "Basic " + base64.b64encode(credentials).decode("ascii")
