"""Settings out of Google Cloud: a secret of Secret Manager (spec 03 section 1.13). Needs the extra `gcs`."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

import aiohttp
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from renderer.errors import ConfigurationError
from renderer.settings.environment import EnvironmentSettings

if TYPE_CHECKING:
    from gcloud.aio.auth import Token

TIMEOUT_SECONDS: Final = 60
MAX_ANSWER_BYTES: Final = 1_048_576
"""A payload has 64 KiB at most, and a third more as base64."""

_ENDPOINT: Final = "https://secretmanager.googleapis.com/"
_ENDPOINT_VARIABLE: Final = "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER"
"""Google's own name for another endpoint; secrets that may not leave a region have one of their own."""

_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_VARIABLE: Final = "IMGPROXY_ENV_GCP_SECRET_ID"


async def secret(places: EnvironmentSettings, environment: Mapping[str, str]) -> str:
    """The payload of the secret.

    Raises:
        ConfigurationError: it cannot be had within 60 seconds, or the extra is not installed.
    """
    if not places.gcp_secret_project_id:
        raise ConfigurationError(["IMGPROXY_ENV_GCP_SECRET_PROJECT_ID: expected the project of the secret"])
    url = _url(places, environment.get(_ENDPOINT_VARIABLE, "") or _ENDPOINT)
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS), aiohttp.ClientSession() as session:
            token = await _access_token(places.gcp_key, session)
            return _payload(await _answer(session, url, token))
    except TimeoutError as error:
        raise _problem(places, f"no answer within {TIMEOUT_SECONDS} s") from error
    except (aiohttp.ClientError, OSError, ValueError, KeyError) as error:
        raise _problem(places, f"{type(error).__name__}: {error}") from error


def _url(places: EnvironmentSettings, endpoint: str) -> str:
    parts = (places.gcp_secret_project_id, places.gcp_secret_id, places.gcp_secret_version_id)
    project, name, version = (quote(part, safe="") for part in parts)
    return f"{endpoint.rstrip('/')}/v1/projects/{project}/secrets/{name}/versions/{version}:access"


async def _access_token(key: str, session: aiohttp.ClientSession) -> str:
    try:
        from gcloud.aio.auth import Token
    except ImportError as error:
        raise ConfigurationError([f"{_VARIABLE}: Google's secrets need `pip install bildwerk[gcs]`"]) from error
    return str(await _token(Token, key, session).get())


def _token(kind: type[Token], key: str, session: Any) -> Token:  # noqa: ANN401  typed as its build without asyncio
    if not key:
        return kind(session=session, scopes=[_SCOPE])
    try:
        # Looked at first: gcloud tries a broken key again and again, as it does a network.
        account = json.loads(key)
        is_account = account["type"] == "service_account"
        load_pem_private_key(account["private_key"].encode(), None)
    except (AttributeError, KeyError, TypeError, ValueError, UnsupportedAlgorithm):
        is_account = False
    if not is_account:
        raise ConfigurationError(["IMGPROXY_ENV_GCP_KEY: expected the JSON key of a service account"])
    # mypy cannot solve gcloud's `IO[AnyStr]` in a constructor.
    return kind(service_file=cast("Any", io.StringIO(key)), session=session, scopes=[_SCOPE])


async def _answer(session: aiohttp.ClientSession, url: str, token: str) -> Any:  # noqa: ANN401  JSON
    headers = {"Authorization": f"Bearer {token}"}
    async with session.get(url, headers=headers, allow_redirects=False) as response:
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                raise ValueError(f"an answer of more than {MAX_ANSWER_BYTES:,} bytes")
        if response.status != 200:
            raise ValueError(f"{response.status} {response.reason}: {_message(body)}")
        return json.loads(body)


def _message(body: bytearray) -> str:
    """What Google says about an error."""
    try:
        return str(json.loads(body)["error"]["message"])
    except (KeyError, TypeError, ValueError):
        return "no explanation"


def _payload(answer: Any) -> str:  # noqa: ANN401  JSON
    try:
        data = base64.b64decode(answer["payload"]["data"], validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise ValueError("the answer holds no payload") from error
    return data.decode("utf-8", "surrogateescape")


def _problem(places: EnvironmentSettings, reason: str) -> ConfigurationError:
    wanted = f"{places.gcp_secret_project_id}/{places.gcp_secret_id}"
    return ConfigurationError([f"{_VARIABLE}: expected a secret of Google Cloud, got {wanted!r} ({reason})"])
