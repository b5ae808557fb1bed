"""Settings of source URLs and of fetching (spec 03 sections 1.3 to 1.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final
from urllib.parse import urlsplit

from renderer.settings.declare import Reader, setting
from renderer.settings.headers import HEADER_VALUE
from renderer.settings.readers import (
    AES_KEY,
    BOOLEAN,
    PATTERNS,
    REPLACEMENTS,
    TEXT,
    integer,
    number,
    path,
)


def _read_cookie_base(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise ValueError("not http(s), or no host")
    return text


_COOKIE_BASE: Final = Reader(expected="an http(s) URL", read=_read_cookie_base)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """Where sources may come from and how they are fetched."""

    base_url: str = setting(
        "IMGPROXY_BASE_URL", read=TEXT, default="", doc="Put before each source URL that does not start with it."
    )
    url_replacements: tuple[tuple[re.Pattern[str], str], ...] = setting(
        "IMGPROXY_URL_REPLACEMENTS",
        read=REPLACEMENTS,
        default=(),
        doc="`pattern=replacement` pairs between `;`, applied in order to the start of the source URL. `*` matches any"
        " run without a slash and is `${1}`, `${2}`, ... in the replacement.",
    )
    base64_url_includes_filename: bool = setting(
        "IMGPROXY_BASE64_URL_INCLUDES_FILENAME",
        read=BOOLEAN,
        default=False,
        doc="The last path segment after an encoded source is a file name for people and is dropped.",
    )
    source_url_encryption_key: bytes = setting(
        "IMGPROXY_SOURCE_URL_ENCRYPTION_KEY",
        read=AES_KEY,
        default=b"",
        shown_default="blank",
        secret=True,
        doc="AES-CBC key of `/enc/` source URLs.",
    )
    source_url_query_separator: str = setting(
        "IMGPROXY_SOURCE_URL_QUERY_SEPARATOR",
        read=TEXT,
        default="?",
        empty_is_value=True,
        doc="Divides key and query of sources that are not http(s). Empty: nothing is divided.",
    )
    allowed_sources: tuple[re.Pattern[str], ...] = setting(
        "IMGPROXY_ALLOWED_SOURCES",
        read=PATTERNS,
        default=(),
        shown_default="all",
        doc="Prefixes of source URLs that are allowed, `*` matching any run without a slash. End hosts with `/`.",
    )
    allow_loopback_source_addresses: bool = setting(
        "IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES",
        read=BOOLEAN,
        default=False,
        doc="Connect to 127.0.0.0/8, ::1 and the unspecified addresses.",
    )
    allow_link_local_source_addresses: bool = setting(
        "IMGPROXY_ALLOW_LINK_LOCAL_SOURCE_ADDRESSES",
        read=BOOLEAN,
        default=False,
        doc="Connect to 169.254.0.0/16, fe80::/10 and link-local multicast.",
    )
    allow_private_source_addresses: bool = setting(
        "IMGPROXY_ALLOW_PRIVATE_SOURCE_ADDRESSES",
        read=BOOLEAN,
        default=True,
        doc="Connect to private networks and carrier-grade NAT.",
    )
    max_redirects: int = setting(
        "IMGPROXY_MAX_REDIRECTS", read=integer(0), default=10, doc="Redirects followed from one source URL."
    )
    max_src_file_size: int = setting(
        "IMGPROXY_MAX_SRC_FILE_SIZE", read=integer(0), default=0, doc="Bytes a source may have; 0 is no limit."
    )
    download_timeout_seconds: int = setting(
        "IMGPROXY_DOWNLOAD_TIMEOUT", read=integer(1), default=5, doc="From connecting to the last byte of a source."
    )
    client_keep_alive_timeout_seconds: int = setting(
        "IMGPROXY_CLIENT_KEEP_ALIVE_TIMEOUT",
        read=integer(0),
        default=90,
        doc="How long an idle connection to an origin is kept; 0 keeps none.",
    )
    user_agent: str = setting(
        "IMGPROXY_USER_AGENT",
        read=HEADER_VALUE,
        default="imgproxy/%current_version",
        doc="`User-Agent` of source requests; `%current_version` is the imgproxy version that we answer for.",
    )
    ignore_ssl_verification: bool = setting(
        "IMGPROXY_IGNORE_SSL_VERIFICATION", read=BOOLEAN, default=False, doc="Do not verify origins' certificates."
    )
    local_filesystem_root: PurePath | None = setting(
        "IMGPROXY_LOCAL_FILESYSTEM_ROOT",
        read=path("the path of an existing folder"),
        default=None,
        doc="Folder that `local://` URLs name files in; blank turns them off.",
    )
    strict_sources: bool = setting(
        "BILDWERK_STRICT_SOURCES",
        read=BOOLEAN,
        default=False,
        doc="Refuse pictures whose file is cut short with 422, instead of rendering what is there.",
    )
    cookie_passthrough: bool = setting(
        "IMGPROXY_COOKIE_PASSTHROUGH",
        read=BOOLEAN,
        default=False,
        doc="Send the client's cookies to http(s) sources on the host that they belong to.",
    )
    cookie_base_url: str = setting(
        "IMGPROXY_COOKIE_BASE_URL",
        read=_COOKIE_BASE,
        default="",
        doc="Where the client's cookies are taken to be from. Unset, `X-Forwarded-Host` or `Host` says it.",
    )
    cookie_passthrough_all: bool = setting(
        "IMGPROXY_COOKIE_PASSTHROUGH_ALL",
        read=BOOLEAN,
        default=False,
        doc="Send them to every http(s) source. It needs `IMGPROXY_COOKIE_PASSTHROUGH`.",
    )
    max_source_bytes_in_flight: int = setting(
        "BILDWERK_MAX_SOURCE_BYTES_IN_FLIGHT",
        read=integer(0),
        default=536_870_912,
        doc="Bytes of sources that the instance holds in memory at once; further downloads wait. 0 is no limit.",
    )
    origin_failures: int = setting(
        "BILDWERK_ORIGIN_FAILURES",
        read=integer(0),
        default=5,
        doc="Failures in a row after which an origin is left alone for a moment and its requests fail at once; 0 turns"
        " that off.",
    )
    origin_max_pause_seconds: float = setting(
        "BILDWERK_ORIGIN_MAX_PAUSE",
        read=number(0.1, 60),
        default=1.0,
        doc="Seconds between two tries of an origin that stays dead. The first pause is half a second, the next ones"
        " double up to this.",
    )
    origin_max_waiting: int = setting(
        "BILDWERK_ORIGIN_MAX_WAITING",
        read=integer(0),
        default=16,
        doc="Requests of a process that may wait for an origin which has answered nobody for two seconds; more fail at"
        " once. 0 is no limit.",
    )
