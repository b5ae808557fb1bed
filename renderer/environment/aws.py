"""Settings out of AWS: a secret of Secrets Manager, and the parameters below a path in SSM (spec 03 section 1.13).

Credentials, profiles and endpoints are botocore's business: it reads the process environment and the files it knows.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from aiobotocore.config import AioConfig  # type: ignore[import-untyped]  # aiobotocore ships no types
from aiobotocore.session import get_session  # type: ignore[import-untyped]  # as above
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # as above
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]  # as above

from renderer.errors import ConfigurationError
from renderer.settings.environment import EnvironmentSettings

TIMEOUT_SECONDS: Final = 30
DEFAULT_REGION: Final = "us-west-1"

_PAGE: Final = 10
"""Parameters in one answer: the most that SSM gives."""


async def secret(places: EnvironmentSettings, environment: Mapping[str, str]) -> str | None:
    """The text of the secret, or None where it is binary.

    Raises:
        ConfigurationError: it cannot be had within 30 seconds.
    """
    wanted = {"SecretId": places.aws_secret_id}
    if places.aws_secret_version_id:
        wanted["VersionId"] = places.aws_secret_version_id
    elif places.aws_secret_version_stage:
        wanted["VersionStage"] = places.aws_secret_version_stage
    region = places.aws_secret_region or environment.get("AWS_REGION", "")
    async with _client("secretsmanager", region, "IMGPROXY_ENV_AWS_SECRET_ID", places.aws_secret_id) as client:
        answer = await client.get_secret_value(**wanted)
        text: str | None = answer.get("SecretString")
        return text


async def parameters(places: EnvironmentSettings, environment: Mapping[str, str]) -> dict[str, str]:
    """The text parameters below the path, decrypted, also those in folders below it, by the variables that they are.

    imgproxy's documentation says that names may be nested, its binary does not ask for them: here they work. Where two
    names are one variable, the less nested one wins: it is the one that imgproxy sees.

    Raises:
        ConfigurationError: they cannot be had within 30 seconds.
    """
    path = places.aws_ssm_parameters_path
    region = places.aws_ssm_parameters_region or environment.get("AWS_REGION", "")
    found: list[tuple[str, str]] = []
    async with _client("ssm", region, "IMGPROXY_ENV_AWS_SSM_PARAMETERS_PATH", path) as client:
        pages = client.get_paginator("get_parameters_by_path").paginate(
            Path=path, Recursive=True, WithDecryption=True, PaginationConfig={"PageSize": _PAGE}
        )
        async for page in pages:
            texts = (parameter for parameter in page["Parameters"] if parameter.get("DataType", "text") == "text")
            found += [(parameter["Name"], parameter["Value"]) for parameter in texts]
        if any("\0" in value for _, value in found):
            raise ValueError("a value holds a zero byte, which no variable can")
    found.sort(key=lambda parameter: -parameter[0].count("/"))
    return {parameter_variable(name, path): value for name, value in found}


def parameter_variable(name: str, path: str) -> str:
    """The variable that a parameter below a path is: the rest of its name, slashes as `_`."""
    return name.removeprefix(path).removeprefix("/").replace("/", "_")


@contextlib.asynccontextmanager
async def _client(service: str, region: str, variable: str, place: str) -> AsyncIterator[Any]:
    """A client of an AWS service; whatever goes wrong with it, also in the block, is the variable's problem."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            session = get_session()
            region = region or session.get_config_variable("region") or DEFAULT_REGION
            config = AioConfig(connect_timeout=TIMEOUT_SECONDS, read_timeout=TIMEOUT_SECONDS)
            async with session.create_client(service, region_name=region, config=config) as client:
                yield client
    except TimeoutError as error:
        raise _problem(variable, place, f"no answer within {TIMEOUT_SECONDS} s") from error
    except (BotoCoreError, ClientError, ResponseParserError, OSError, ValueError) as error:
        raise _problem(variable, place, str(error)) from error


def _problem(variable: str, place: str, reason: str) -> ConfigurationError:
    return ConfigurationError([f"{variable}: expected something that can be read from AWS, got {place!r} ({reason})"])
