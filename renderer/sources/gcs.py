"""Sources in Google Cloud Storage: `gs://bucket/key?generation` over the XML API (spec 03 sections 4.6 and 4.8).

Google's ETag is not passed on: as in imgproxy, clients get one made of checksum and time, without quotes, so that
copies that they already have stay valid.

Needs the extra `gcs`, of which only the access tokens are used: its client cannot ask for a generation.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from gcloud.aio.auth import Token
from gcloud.aio.auth.token import Type
from gcloud.aio.storage.storage import init_api_root
from multidict import MultiMapping
from yarl import URL

from renderer.errors import ConfigurationError, SourceError
from renderer.response.validators import parse_http_date
from renderer.settings.sources import SourceSettings
from renderer.settings.stores import GCS_ENDPOINT, GcsSettings
from renderer.sources.budget import ByteBudget
from renderer.sources.http_errors import brief
from renderer.sources.http_store import ObjectRequest, StoreRules, open_session, quoted
from renderer.sources.object_url import ObjectAddress
from renderer.sources.objects import ObjectLoader
from renderer.sources.shared_value import SharedValue
from renderer.sources.source import SourceHeaders, writable

_SCOPE: Final = "https://www.googleapis.com/auth/devstorage.read_only"
_API_PATHS: Final = ("/storage/v1", "/storage/v1/b")
_GENERATION: Final = re.compile(r"\+?0*([1-9][0-9]{0,18})")
_MAX_GENERATION: Final = (1 << 63) - 1
_CRC32C: Final = re.compile(r"(?:^|,)\s*crc32c=([A-Za-z0-9+/=]+)")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class GcsStore:
    """Google's storage, or a server that speaks as it does. `token` is None where credentials are not asked for."""

    def __init__(self, endpoint: str, token: Token | None, rules: StoreRules) -> None:
        self._endpoint = endpoint
        self._token = token
        self._shared = SharedValue(token.get) if token else None
        self._rules = rules

    @property
    def rules(self) -> StoreRules:
        """Who judges what."""
        return self._rules

    async def request(self, address: ObjectAddress, headers: Mapping[str, str]) -> ObjectRequest:
        """The request for an object, of the generation that the query names if it names one."""
        url = f"{self._endpoint}/{quoted(address.container)}/{quoted(address.key)}"
        if generation := _generation(address.query):
            url += f"?generation={generation}"
        return ObjectRequest(url=URL(url, encoded=True), headers={**headers, **await self._authorization()})

    def renews(self, _request: ObjectRequest) -> bool:
        """Never: tokens are renewed long before they end."""
        return False

    def source_headers(self, headers: MultiMapping[str]) -> SourceHeaders:
        """Validators and Cache-Control; Google's Expires is left out, as in imgproxy."""
        last_modified = writable(headers.get("Last-Modified"))
        return SourceHeaders(
            etag=object_etag(",".join(headers.getall("X-Goog-Hash", ())), last_modified),
            last_modified=last_modified,
            cache_control=writable(headers.get("Cache-Control")),
            content_type=writable(headers.get("Content-Type")),
        )

    async def close(self) -> None:
        """Gives up on a token that is on its way."""
        if self._token is None or self._shared is None:
            return
        await self._shared.close()
        if self._token.acquiring is not None:
            self._token.acquiring.cancel()

    async def _authorization(self) -> dict[str, str]:
        if self._shared is None:
            return {}
        try:
            return {"Authorization": f"Bearer {await self._shared.acquired()}"}
        # An answer without a token is a KeyError or a ValueError, a key that cannot sign is jwt's.
        except (KeyError, ValueError, jwt.PyJWTError) as error:
            raise SourceError(f"Can't download source image: no access token: {brief(error)}") from error


async def open_gcs(settings: GcsSettings, sources: SourceSettings, budget: ByteBudget | None = None) -> ObjectLoader:
    """The loader of `gs://`.

    Raises:
        ConfigurationError: the credentials cannot be used.
    """
    session = open_session(sources)
    try:
        store = _store(settings, session)
    except (KeyError, ValueError, TypeError, OSError) as error:
        await session.close()
        name = "IMGPROXY_USE_GCS" if settings.key == "" else "IMGPROXY_GCS_KEY"
        raise ConfigurationError([f"{name}: expected usable credentials ({brief(error)})"]) from error
    return ObjectLoader(store, session, sources, budget=budget)


def _store(settings: GcsSettings, session: aiohttp.ClientSession) -> GcsStore:
    rules = StoreRules(allowed=settings.allowed_buckets, denied=settings.denied_buckets)
    if settings.endpoint == GCS_ENDPOINT:
        # STORAGE_EMULATOR_HOST, which Google's own libraries honor, means no credentials.
        is_emulator, root = init_api_root(None)
        if is_emulator:
            return GcsStore(root.rstrip("/"), None, rules)
    endpoint = settings.endpoint
    for path in _API_PATHS:
        endpoint = endpoint.removesuffix(path)
    return GcsStore(endpoint, _token(settings, session, is_plain=endpoint.startswith("http://")), rules)


def _token(settings: GcsSettings, session: Any, *, is_plain: bool) -> Token | None:  # noqa: ANN401  theirs is `requests`'
    if settings.key:
        token = Token(service_file=io.StringIO(settings.key), session=session, scopes=[_SCOPE])
        load_pem_private_key(token.service_data["private_key"].encode(), password=None)
        return token
    token = Token(session=session, scopes=[_SCOPE])
    # Over plain http there are emulators; the token of this machine is not for them.
    return None if is_plain and token.token_type is Type.GCE_METADATA else token


def object_etag(hashes: str, last_modified: str | None) -> str | None:
    """The ETag of an object: CRC32C and time in nanoseconds, both little-endian, in hexadecimal without quotes.

    `hashes` are the X-Goog-Hash headers; a checksum that it lacks counts as 0. Without a time there is no tag.
    """
    modified = parse_http_date(last_modified or "")
    if modified is None:
        return None
    seconds = int((modified - _EPOCH).total_seconds())
    return (_crc32c(hashes)[::-1] + (seconds * 1_000_000_000).to_bytes(8, "little", signed=True)).hex()


def _crc32c(hashes: str) -> bytes:
    match = _CRC32C.search(hashes)
    try:
        checksum = base64.b64decode(match[1], validate=True) if match else b""
    except binascii.Error:
        checksum = b""
    return checksum if len(checksum) == 4 else bytes(4)


def _generation(query: str) -> int:
    match = _GENERATION.fullmatch(query)
    generation = int(match[1]) if match else 0
    return generation if generation <= _MAX_GENERATION else 0
