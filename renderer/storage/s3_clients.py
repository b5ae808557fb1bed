"""The SDK's clients: one for each region, made when it is needed and kept open (spec 03 section 4.7).

Which region has a bucket is known from S3's own answers and remembered for a bounded number of buckets. Credentials
come from the SDK's chain, or from a role that is assumed with them.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from functools import partial
from typing import Any, Final

from aiobotocore.config import AioConfig  # type: ignore[import-untyped]  # the SDK has no types
from aiobotocore.credentials import (  # type: ignore[import-untyped]
    AioAssumeRoleCredentialFetcher,
    AioDeferredRefreshableCredentials,
)
from aiobotocore.session import AioSession  # type: ignore[import-untyped]
from botocore.compat import HAS_CRT  # type: ignore[import-untyped]
from botocore.exceptions import NoCredentialsError  # type: ignore[import-untyped]

from renderer.errors import ConfigurationError, SourceError
from renderer.settings.s3 import S3Settings
from renderer.storage.s3_wire import WireSession

_LAST_RESORT_REGION: Final = "us-west-1"
KEEP_ALIVE_SECONDS: Final = 90.0
_MAX_BUCKETS: Final = 1024
_MAX_REGIONS: Final = 64
"""AWS has fewer than 50; an endpoint that names more is not to fill the memory with clients."""

_MAX_CONNECTIONS: Final = 4096
"""Connections of one client, above `IMGPROXY_MAX_CLIENTS`. Requests beyond it wait within their deadline."""

_ROLE_SESSION_NAME: Final = "bildwerk"

# The SDK for Go, which imgproxy uses, also reads AWS_REGION, and retries in the mode that has three attempts.
_SESSION_VARIABLES: Final = {
    "region": ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None),
    "retry_mode": ("retry_mode", "AWS_RETRY_MODE", "standard", None),
}
_MULTI_REGION: Final = re.compile(r"arn:[^:]+:s3::[0-9]+:accesspoint[:/].+")


class S3Clients:
    """Clients by bucket. `close` ends them all."""

    def __init__(
        self,
        settings: S3Settings,
        *,
        timeout_seconds: float,
        keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
        verifies_tls: bool = True,
    ) -> None:
        """Reads the SDK's models, which takes some 0.2 s, and connects to nothing.

        Args:
            settings: where S3 is and as whom it is asked.
            timeout_seconds: for connecting, and for each wait for bytes.
            keep_alive_seconds: how long an idle connection is kept; 0 keeps none.
            verifies_tls: whether the server's certificate counts.

        Raises:
            ConfigurationError: the settings ask for what is not there.
        """
        _check(settings)
        self._settings = settings
        self._options: dict[str, Any] = {
            "verify": None if verifies_tls else False,
            "config": AioConfig(
                http_session_cls=WireSession,
                connect_timeout=timeout_seconds,
                read_timeout=timeout_seconds,
                max_pool_connections=_MAX_CONNECTIONS,
                connector_args={
                    "keepalive_timeout": keep_alive_seconds or None,
                    "force_close": not keep_alive_seconds,
                },
                s3={"addressing_style": _addressing_style(settings)},
            ),
        }
        self._session = _session()
        self._session.warm_up_loader_caches("s3")
        self._session.register("before-call.s3.GetObject", _leave_redirects)
        self._region = settings.region or self._session.get_config_variable("region") or _LAST_RESORT_REGION
        if settings.assume_role_arn:
            role = _AssumedRole(settings, {"region_name": self._region, **self._options})
            self._session.get_component("credential_provider").providers.insert(0, role)
        self._clients: dict[str, Any] = {}
        self._bucket_regions: OrderedDict[str, str] = OrderedDict()
        self._lock = asyncio.Lock()

    def region(self, bucket: str) -> str:
        """The region that is known to have the bucket, else the configured one."""
        if bucket in self._bucket_regions:
            self._bucket_regions.move_to_end(bucket)
        return self._bucket_regions.get(bucket, self._region)

    def remember(self, bucket: str, region: str) -> None:
        """From now on `bucket` is looked for in `region`; the bucket used longest ago may be forgotten for it."""
        self._bucket_regions[bucket] = region
        self._bucket_regions.move_to_end(bucket)
        if len(self._bucket_regions) > _MAX_BUCKETS:
            self._bucket_regions.popitem(last=False)

    async def client(self, region: str) -> Any:  # noqa: ANN401  the SDK makes its clients' classes at run time
        """The client of a region.

        Raises:
            SourceError: there are too many regions.
            BotoCoreError: there are no credentials.
        """
        if region in self._clients:
            return self._clients[region]
        async with self._lock:
            if region not in self._clients:
                self._clients[region] = await self._opened(region)
            return self._clients[region]

    async def close(self) -> None:
        """Closes all connections."""
        async with self._lock:
            while self._clients:
                _, client = self._clients.popitem()
                await client.__aexit__(None, None, None)

    async def _opened(self, region: str) -> Any:  # noqa: ANN401  as above
        if len(self._clients) >= _MAX_REGIONS:
            raise SourceError(f"Can't download source image: S3 named more than {_MAX_REGIONS} regions")
        # A client that is made without credentials never gets any: it would outlive a slow start of their source.
        if await self._session.get_credentials() is None:
            raise NoCredentialsError
        context = self._session.create_client(
            "s3", region_name=region, endpoint_url=_endpoint(self._settings.endpoint), **self._options
        )
        return await context.__aenter__()


class _AssumedRole:
    """A link of the SDK's chain of credentials: a role, assumed with what the rest of the chain has."""

    METHOD = "bildwerk-assume-role"
    CANONICAL_NAME = None

    def __init__(self, settings: S3Settings, client_options: dict[str, Any]) -> None:
        self._arn = settings.assume_role_arn
        self._arguments = {"RoleSessionName": _ROLE_SESSION_NAME}
        if settings.assume_role_external_id:
            self._arguments["ExternalId"] = settings.assume_role_external_id
        self._client_options = client_options

    async def load(self) -> Any:  # noqa: ANN401  the SDK has no types
        """Credentials that renew themselves; the role is assumed when they are needed first."""
        session = _session()
        own = await session.get_credentials()
        if own is None:
            raise NoCredentialsError
        fetcher = AioAssumeRoleCredentialFetcher(
            client_creator=partial(session.create_client, **self._client_options),
            source_credentials=own,
            role_arn=self._arn,
            extra_args=self._arguments,
        )
        return AioDeferredRefreshableCredentials(method=self.METHOD, refresh_using=fetcher.fetch_credentials)


def _session() -> Any:  # noqa: ANN401  the SDK has no types
    return AioSession(session_vars=_SESSION_VARIABLES)


def _check(settings: S3Settings) -> None:
    problems = []
    if settings.decryption_client_enabled:
        problems.append("IMGPROXY_S3_USE_DECRYPTION_CLIENT: expected false, because this server cannot decrypt objects")
    if not HAS_CRT:
        problems.extend(
            f"IMGPROXY_S3_ACCESS_POINTS: {name} is a multi-region access point, which needs a package that is not"
            " installed (pip install bildwerk[crt])"
            for name, arn in settings.access_points
            if _MULTI_REGION.fullmatch(arn)
        )
    if problems:
        raise ConfigurationError(problems)


def _addressing_style(settings: S3Settings) -> str:
    return "path" if settings.endpoint and settings.endpoint_uses_path_style else "virtual"


def _endpoint(text: str) -> str | None:
    if not text:
        return None
    return text if "://" in text else f"http://{text}"


def _leave_redirects(params: dict[str, Any], **_: object) -> None:
    """Keeps the SDK from following S3 to another region: it would remember every bucket, without a bound."""
    params["context"]["s3_redirect"]["redirected"] = True
