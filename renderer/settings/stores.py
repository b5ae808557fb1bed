"""Settings of `gs://`, `abs://` and `swift://` sources (spec 03 sections 1.5 and 4.8)."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from renderer.settings.declare import Reader, setting
from renderer.settings.readers import BOOLEAN, TEXT, integer, words


def _read_service_account(text: str) -> str:
    key = json.loads(text)
    if not isinstance(key, dict) or key.get("type") != "service_account":
        raise ValueError("its type is not service_account")
    for member in ("client_email", "private_key"):
        if not isinstance(key.get(member), str) or not key[member]:
            raise ValueError(f"it has no {member}")
    return text


def _read_account_key(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _read_url(text: str) -> str:
    url = text if "://" in text else f"https://{text}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("not of that form")
    _ = parts.port  # raises ValueError for what is no port
    return url.rstrip("/")


_URL: Final = Reader(expected="an http(s) URL; without a scheme it is https", read=_read_url)
_SERVICE_ACCOUNT: Final = Reader(expected="the JSON key of a service account", read=_read_service_account)
_ACCOUNT_KEY: Final = Reader(expected="an account key in base64", read=_read_account_key)

GCS_ENDPOINT: Final = "https://storage.googleapis.com"

_VERSION_IN_URL: Final = re.compile("v([123])")


@dataclass(frozen=True, slots=True, kw_only=True)
class GcsSettings:
    """Sources in Google Cloud Storage (extra `gcs`)."""

    enabled: bool = setting("IMGPROXY_USE_GCS", read=BOOLEAN, default=False, doc="`gs://bucket/key` URLs name sources.")
    key: str = setting(
        "IMGPROXY_GCS_KEY",
        read=_SERVICE_ACCOUNT,
        default="",
        secret=True,
        doc="JSON key of a service account; blank takes the application default credentials.",
    )
    endpoint: str = setting(
        "IMGPROXY_GCS_ENDPOINT",
        read=_URL,
        default=GCS_ENDPOINT,
        doc="URL of a server that speaks the XML API. One with `http://` is asked without credentials unless a"
        " key or a file of default credentials is there.",
    )
    allowed_buckets: tuple[str, ...] = setting(
        "IMGPROXY_GCS_ALLOWED_BUCKETS",
        read=words(),
        default=(),
        shown_default="all",
        doc="Names of the buckets that may be read.",
    )
    denied_buckets: tuple[str, ...] = setting(
        "IMGPROXY_GCS_DENIED_BUCKETS",
        read=words(),
        default=(),
        doc="Names of buckets that may not be read, allowed ones included.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsSettings:
    """Sources in Azure Blob Storage (extra `azure`)."""

    enabled: bool = setting(
        "IMGPROXY_USE_ABS", read=BOOLEAN, default=False, doc="`abs://container/key` URLs name sources."
    )
    name: str = setting(
        "IMGPROXY_ABS_NAME", read=TEXT, default="", doc="Storage account; needed with `IMGPROXY_USE_ABS`."
    )
    key: bytes = setting(
        "IMGPROXY_ABS_KEY",
        read=_ACCOUNT_KEY,
        default=b"",
        shown_default="blank",
        secret=True,
        doc="Key of the account, in base64; blank takes Azure's default credentials.",
    )
    endpoint: str = setting(
        "IMGPROXY_ABS_ENDPOINT",
        read=_URL,
        default="",
        doc="URL of the Blob service; blank is `https://<name>.blob.core.windows.net`.",
    )
    allowed_containers: tuple[str, ...] = setting(
        "IMGPROXY_ABS_ALLOWED_BUCKETS",
        read=words(),
        default=(),
        shown_default="all",
        doc="Names of the containers that may be read.",
    )
    denied_containers: tuple[str, ...] = setting(
        "IMGPROXY_ABS_DENIED_BUCKETS",
        read=words(),
        default=(),
        doc="Names of containers that may not be read, allowed ones included.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SwiftSettings:
    """Sources in OpenStack Object Storage (extra `swift`)."""

    enabled: bool = setting(
        "IMGPROXY_USE_SWIFT",
        read=BOOLEAN,
        default=False,
        doc="`swift://container/key` URLs name sources. The server authenticates at start.",
    )
    username: str = setting("IMGPROXY_SWIFT_USERNAME", read=TEXT, default="", doc="User.")
    api_key: str = setting("IMGPROXY_SWIFT_API_KEY", read=TEXT, default="", secret=True, doc="The user's password.")
    auth_url: str = setting(
        "IMGPROXY_SWIFT_AUTH_URL", read=_URL, default="", doc="URL of the identity service or of Swift's own `auth`."
    )
    auth_version: int = setting(
        "IMGPROXY_SWIFT_AUTH_VERSION",
        read=integer(0, 3),
        default=0,
        doc="Version of the authentication API: 1, 2 or 3; 0 takes it from `v1`, `v2` or `v3` in the URL.",
    )
    tenant: str = setting(
        "IMGPROXY_SWIFT_TENANT", read=TEXT, default="", doc="Tenant, that is project; versions 2 and 3 only."
    )
    domain: str = setting(
        "IMGPROXY_SWIFT_DOMAIN", read=TEXT, default="", doc="Domain of the user and the project; version 3 only."
    )
    timeout_seconds: int = setting(
        "IMGPROXY_SWIFT_TIMEOUT_SECONDS",
        "IMGRPOXY_SWIFT_TIMEOUT_SECONDS",
        read=integer(1),
        default=60,
        doc="How long Swift may keep silent while it answers; `IMGPROXY_DOWNLOAD_TIMEOUT` holds as well.",
    )
    connect_timeout_seconds: int = setting(
        "IMGPROXY_SWIFT_CONNECT_TIMEOUT_SECONDS",
        "IMGRPOXY_SWIFT_CONNECT_TIMEOUT_SECONDS",
        read=integer(1),
        default=10,
        doc="How long connecting may take.",
    )
    allowed_containers: tuple[str, ...] = setting(
        "IMGPROXY_SWIFT_ALLOWED_BUCKETS",
        read=words(),
        default=(),
        shown_default="all",
        doc="Names of the containers that may be read.",
    )
    denied_containers: tuple[str, ...] = setting(
        "IMGPROXY_SWIFT_DENIED_BUCKETS",
        read=words(),
        default=(),
        doc="Names of containers that may not be read, allowed ones included.",
    )

    @property
    def version(self) -> int:
        """The version of the authentication API that holds; 0 if neither the setting nor the URL says it."""
        # A URL with several of them is read as the highest, as by the library that imgproxy uses.
        found = _VERSION_IN_URL.findall(self.auth_url)
        return self.auth_version or max((int(version) for version in found), default=0)


def store_problems(abs_settings: AbsSettings, swift: SwiftSettings) -> list[str]:
    """What is missing for the stores that are enabled, a line for each."""
    problems = []
    if abs_settings.enabled and not abs_settings.name:
        problems.append("IMGPROXY_ABS_NAME: expected a storage account, because IMGPROXY_USE_ABS is set")
    if abs_settings.enabled and not abs_settings.key and abs_settings.endpoint.startswith("http://"):
        problems.append("IMGPROXY_ABS_ENDPOINT: expected https, because without IMGPROXY_ABS_KEY a token is sent there")
    if swift.enabled:
        problems += _swift_problems(swift)
    return problems


def _swift_problems(swift: SwiftSettings) -> list[str]:
    needed = {
        "IMGPROXY_SWIFT_USERNAME": swift.username,
        "IMGPROXY_SWIFT_API_KEY": swift.api_key,
        "IMGPROXY_SWIFT_AUTH_URL": swift.auth_url,
    }
    problems = [
        f"{name}: expected text, because IMGPROXY_USE_SWIFT is set" for name, text in needed.items() if not text
    ]
    if swift.auth_url and not swift.version:
        problems.append(
            "IMGPROXY_SWIFT_AUTH_VERSION: expected 1, 2 or 3, because IMGPROXY_SWIFT_AUTH_URL has no v1, v2 or v3"
        )
    if swift.version in (2, 3) and not swift.tenant:
        problems.append("IMGPROXY_SWIFT_TENANT: expected a tenant, which versions 2 and 3 need")
    return problems
