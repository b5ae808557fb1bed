"""Settings of source URLs and of fetching (spec 03 sections 1.3 to 1.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

from renderer.settings.declare import setting
from renderer.settings.readers import (
    AES_KEY,
    BOOLEAN,
    PATTERNS,
    REPLACEMENTS,
    TEXT,
    integer,
    non_empty,
    path,
)


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
        read=non_empty(),
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
