"""Sources in Azure Blob Storage: `abs://container/key` (spec 03 sections 4.6 and 4.8).

Needs the extra `azure`, of which only the credentials are used: its storage client reads a blob in parts that are not
held to one version of it, and each part whole before any of it can be had.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError
from azure.identity.aio import DefaultAzureCredential
from multidict import MultiMapping
from yarl import URL

from renderer.errors import ConfigurationError, SourceError
from renderer.response.validators import http_date
from renderer.settings.sources import SourceSettings
from renderer.settings.stores import AbsSettings
from renderer.sources.budget import ByteBudget
from renderer.sources.http_errors import brief
from renderer.sources.http_store import ObjectRequest, StoreRules, open_session, quoted
from renderer.sources.object_url import ObjectAddress
from renderer.sources.objects import ObjectLoader
from renderer.sources.shared_value import SharedValue
from renderer.sources.source import SourceHeaders, writable

_API_VERSION: Final = "2021-12-02"
_SCOPE: Final = "https://storage.azure.com/.default"
_RENEWED_BEFORE_SECONDS: Final = 120

# The headers that a signature covers, in its order; those that a GET of ours never has are empty lines.
_SIGNED: Final = (
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-MD5",
    "Content-Type",
    "Date",
    "If-Modified-Since",
    "If-Match",
    "If-None-Match",
    "If-Unmodified-Since",
    "Range",
)


class AbsStore:
    """One storage account, read with its key or with Azure's default credentials."""

    def __init__(self, settings: AbsSettings) -> None:
        self._account = settings.name
        self._key = settings.key
        self._endpoint = settings.endpoint or f"https://{settings.name}.blob.core.windows.net"
        self._credential = None if settings.key else DefaultAzureCredential()
        self._shared = SharedValue(self._acquire)
        self._token: AccessToken | None = None
        self._rules = StoreRules(
            relays_statuses=True, allowed=settings.allowed_containers, denied=settings.denied_containers
        )

    @property
    def rules(self) -> StoreRules:
        """Who judges what."""
        return self._rules

    async def request(self, address: ObjectAddress, headers: Mapping[str, str]) -> ObjectRequest:
        """The request for a blob."""
        url = URL(f"{self._endpoint}/{quoted(address.container)}/{quoted(address.key, safe='/~')}", encoded=True)
        sent = {**headers, "x-ms-date": http_date(datetime.now(UTC)), "x-ms-version": _API_VERSION}
        if self._key:
            authorization = f"SharedKey {self._account}:{signature(self._account, self._key, url, sent)}"
        else:
            authorization = f"Bearer {await self._bearer()}"
        return ObjectRequest(url=url, headers={**sent, "Authorization": authorization})

    def renews(self, _request: ObjectRequest) -> bool:
        """Never: keys do not change, and tokens are renewed before they end."""
        return False

    def source_headers(self, headers: MultiMapping[str]) -> SourceHeaders:
        """Azure's validators and Cache-Control."""
        return SourceHeaders(
            etag=writable(headers.get("ETag")),
            last_modified=writable(headers.get("Last-Modified")),
            cache_control=writable(headers.get("Cache-Control")),
            content_type=writable(headers.get("Content-Type")),
        )

    async def close(self) -> None:
        """Closes what the credentials keep open."""
        await self._shared.close()
        if self._credential is not None:
            await self._credential.close()

    async def _bearer(self) -> str:
        token = self._token
        if token is None or token.expires_on - time.time() < _RENEWED_BEFORE_SECONDS:
            try:
                token = self._token = await self._shared.acquired()
            except AzureError as error:
                raise SourceError(f"Can't download source image: no access token: {brief(error)}") from error
        return token.token

    async def _acquire(self) -> AccessToken:
        credential = self._credential
        if credential is None:
            raise SourceError("Can't download source image: no credentials")
        return await credential.get_token(_SCOPE)


def open_abs(settings: AbsSettings, sources: SourceSettings, budget: ByteBudget | None = None) -> ObjectLoader:
    """The loader of `abs://`; it must be called while the event loop runs.

    Raises:
        ConfigurationError: the variables of Azure's default credentials cannot be used.
    """
    try:
        store = AbsStore(settings)
    except ValueError as error:
        raise ConfigurationError([f"IMGPROXY_USE_ABS: expected usable default credentials ({brief(error)})"]) from error
    return ObjectLoader(store, open_session(sources), sources, budget=budget)


def signature(account: str, key: bytes, url: URL, headers: Mapping[str, str]) -> str:
    """The Shared Key signature of a GET without query, in base64 (REST API, "Authorize with Shared Key")."""
    own = sorted((name, value) for name, value in headers.items() if name.startswith("x-ms-"))
    lines = ["GET", *(headers.get(name, "") for name in _SIGNED), *(f"{name}:{value}" for name, value in own)]
    text = "\n".join([*lines, f"/{account}{url.raw_path}"])
    return base64.b64encode(hmac.digest(key, text.encode("utf-8", "surrogateescape"), hashlib.sha256)).decode("ascii")
