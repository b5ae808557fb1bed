"""The settings' environment from elsewhere: which places are asked, in which order, and what becomes of their answers.

AWS Secrets Manager, AWS SSM, Google's Secret Manager, a file on this machine; each value overwrites what was there, so
the last place wins (spec 03 section 1.13). Every failure stops the start: a server must not come up without its keys.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from renderer.errors import ConfigurationError
from renderer.settings.env_file import parse_env_file
from renderer.settings.environment import EnvironmentSettings
from renderer.settings.load import load_settings

MAX_FILE_BYTES: Final = 1_048_576
"""Far above any env file; a device that never ends is not read to its end."""

_PREFIX: Final = "IMGPROXY_ENV_"

_log = logging.getLogger(__name__)

Publish = Callable[[Mapping[str, str]], object]


def load_environment(environment: Mapping[str, str], *, publish: Publish | None = None) -> dict[str, str]:
    """The environment together with what the places that it names hold.

    Args:
        environment: where to begin; it is not changed.
        publish: told of each place's variables before the next place is asked, for libraries that read the process
            environment: credentials for SSM may come out of Secrets Manager.

    Raises:
        ConfigurationError: naming the variable whose place could not be read.
    """
    merged = dict(environment)
    for load in (_aws_secret, _aws_parameters, _gcp_secret, _local_file):
        # Read anew for each: a place may name the next one.
        loaded = load(_places(merged), merged)
        merged |= loaded
        if loaded and publish is not None:
            publish(loaded)
    return merged


def _places(environment: Mapping[str, str]) -> EnvironmentSettings:
    return load_settings({name: text for name, text in environment.items() if name.startswith(_PREFIX)}).environment


def _aws_secret(places: EnvironmentSettings, environment: Mapping[str, str]) -> Mapping[str, str]:
    if not places.aws_secret_id:
        return {}
    from renderer.environment.aws import secret

    text = asyncio.run(secret(places, environment))
    if text is None:
        _log.warning("%sAWS_SECRET_ID: the secret is binary and is ignored", _PREFIX)
        return {}
    return _parsed(text, environment, "AWS_SECRET_ID")


def _aws_parameters(places: EnvironmentSettings, environment: Mapping[str, str]) -> Mapping[str, str]:
    if not places.aws_ssm_parameters_path:
        return {}
    from renderer.environment.aws import parameters

    return asyncio.run(parameters(places, environment))


def _gcp_secret(places: EnvironmentSettings, environment: Mapping[str, str]) -> Mapping[str, str]:
    if not places.gcp_secret_id:
        return {}
    from renderer.environment.gcp import secret

    return _parsed(asyncio.run(secret(places, environment)), environment, "GCP_SECRET_ID")


def _local_file(places: EnvironmentSettings, environment: Mapping[str, str]) -> Mapping[str, str]:
    if places.local_file_path is None:
        return {}
    path = Path(places.local_file_path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        _log.warning("%sLOCAL_FILE_PATH: there is no file at %s, it is ignored", _PREFIX, path)
        return {}
    except (OSError, ValueError) as error:
        raise ConfigurationError([f"{_PREFIX}LOCAL_FILE_PATH: expected a readable file ({error})"]) from error
    if len(data) > MAX_FILE_BYTES:
        raise ConfigurationError([f"{_PREFIX}LOCAL_FILE_PATH: expected at most {MAX_FILE_BYTES:,} bytes"])
    # Variables are bytes: what is no UTF-8 stays what it is.
    return _parsed(data.decode("utf-8", "surrogateescape"), environment, "LOCAL_FILE_PATH")


def _parsed(text: str, environment: Mapping[str, str], variable: str) -> dict[str, str]:
    try:
        return parse_env_file(text, environment)
    except ValueError as error:
        raise ConfigurationError([f"{_PREFIX}{variable}: expected an env file ({error})"]) from error
