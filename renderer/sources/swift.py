"""Sources in OpenStack Object Storage: `swift://container/key` (spec 03 sections 4.6 and 4.8).

Swift's own library authenticates, in a thread: at start, and again when Swift refuses a token. It blocks, so the
objects themselves come over aiohttp. Needs the extra `swift`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from keystoneauth1.exceptions import ClientException as KeystoneError
from keystoneauth1.identity import v2, v3
from keystoneauth1.session import Session
from multidict import MultiMapping
from swiftclient import client as swiftclient  # type: ignore[import-untyped]  # the library has no types
from swiftclient.exceptions import ClientException  # type: ignore[import-untyped]  # likewise
from yarl import URL

from renderer.errors import ConfigurationError, SourceError
from renderer.settings.sources import SourceSettings
from renderer.settings.stores import SwiftSettings
from renderer.sources.budget import ByteBudget
from renderer.sources.http_errors import brief
from renderer.sources.http_store import ObjectRequest, StoreRules, open_session, quoted
from renderer.sources.object_url import ObjectAddress
from renderer.sources.objects import ObjectLoader
from renderer.sources.shared_value import SharedValue
from renderer.sources.source import SourceHeaders, writable

_TOKEN_HEADER = "X-Auth-Token"  # noqa: S105  the name of a header


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What authentication gives: where the account's containers are, and a token for them."""

    storage_url: str
    token: str = field(repr=False)


class SwiftStore:
    """One account. `authenticate` blocks and raises SourceError."""

    def __init__(self, access: Access, authenticate: Callable[[], Access], settings: SwiftSettings) -> None:
        self._access: Access | None = access
        self._shared = SharedValue(lambda: asyncio.to_thread(authenticate))
        self._rules = StoreRules(
            gets_client_headers=True, allowed=settings.allowed_containers, denied=settings.denied_containers
        )

    @property
    def rules(self) -> StoreRules:
        """Who judges what."""
        return self._rules

    async def request(self, address: ObjectAddress, headers: Mapping[str, str]) -> ObjectRequest:
        """The request for an object, after authentication if the last token was refused."""
        access = self._access
        if access is None:
            access = self._access = await self._shared.acquired()
        url = f"{access.storage_url}/{quoted(address.container)}/{quoted(address.key, safe='/~')}"
        return ObjectRequest(url=URL(url, encoded=True), headers={**headers, _TOKEN_HEADER: access.token})

    def renews(self, request: ObjectRequest) -> bool:
        """Always: tokens end without a word. Only the one that was refused is dropped, a newer one stays."""
        if self._access is not None and self._access.token == request.headers[_TOKEN_HEADER]:
            self._access = None
        return True

    def source_headers(self, headers: MultiMapping[str]) -> SourceHeaders:
        """The object's own headers, as they are."""
        return SourceHeaders(
            etag=writable(headers.get("ETag")),
            last_modified=writable(headers.get("Last-Modified")),
            cache_control=writable(headers.get("Cache-Control")),
            expires=writable(headers.get("Expires")),
            content_type=writable(headers.get("Content-Type")),
        )

    async def close(self) -> None:
        """Gives up on authentication that is under way; its thread ends with its time limit."""
        await self._shared.close()


async def open_swift(
    settings: SwiftSettings, sources: SourceSettings, budget: ByteBudget | None = None
) -> ObjectLoader:
    """The loader of `swift://`, authenticated.

    Raises:
        ConfigurationError: authentication failed.
    """

    def authenticate() -> Access:
        return authenticated(settings, is_insecure=sources.ignore_ssl_verification)

    try:
        access = await asyncio.to_thread(authenticate)
    except SourceError as error:
        raise ConfigurationError([f"IMGPROXY_SWIFT_*: expected to be let in at start ({error})"]) from error
    session = open_session(
        sources, connect_seconds=settings.connect_timeout_seconds, silence_seconds=settings.timeout_seconds
    )
    return ObjectLoader(SwiftStore(access, authenticate, settings), session, sources, budget=budget)


def authenticated(settings: SwiftSettings, *, is_insecure: bool) -> Access:
    """Where to go and with which token; blocks at most as long as connecting may take, for each request of it.

    Raises:
        SourceError: it is refused, or nobody answers.
    """
    # Without this the library writes the first characters of passwords into its log.
    swiftclient.logger_settings["reveal_sensitive_prefix"] = 0
    try:
        storage_url, token = swiftclient.get_auth(
            settings.auth_url,
            settings.username,
            settings.api_key,
            session=_keystone(settings, is_insecure=is_insecure),
            insecure=is_insecure,
            timeout=settings.connect_timeout_seconds,
        )
    # OSError covers what `requests` raises; an answer of another shape is one of the last two.
    except (ClientException, KeystoneError, OSError, KeyError, ValueError) as error:
        raise SourceError(f"Swift does not let us in: {brief(error)}") from error
    if not storage_url or not token:
        raise SourceError("Swift does not let us in: the answer has no storage URL or no token")
    return Access(storage_url=storage_url.rstrip("/"), token=token)


def _keystone(settings: SwiftSettings, *, is_insecure: bool) -> Session | None:
    """A session with the identity service; None for version 1, which is Swift's own."""
    if settings.version == 1:
        return None
    auth: v2.Password | v3.Password
    if settings.version == 2:
        auth = v2.Password(
            auth_url=settings.auth_url,
            username=settings.username,
            password=settings.api_key,
            tenant_name=settings.tenant,
        )
    else:
        # A user is in some domain; OpenStack's own tools take `default` where none is named.
        domain, domain_id = settings.domain or None, None if settings.domain else "default"
        auth = v3.Password(
            auth_url=settings.auth_url,
            username=settings.username,
            password=settings.api_key,
            project_name=settings.tenant,
            user_domain_name=domain,
            user_domain_id=domain_id,
            project_domain_name=domain,
            project_domain_id=domain_id,
        )
    return Session(auth=auth, verify=not is_insecure, timeout=settings.connect_timeout_seconds)
