"""The process environment: the only place that reads and writes it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from renderer.errors import ConfigurationError
    from renderer.settings.load import Settings

_ELSEWHERE: Final = "IMGPROXY_ENV_"
"""What the names of variables begin with that say where more variables are (spec 03 section 1.13)."""


def read_environment() -> Mapping[str, str]:
    """The variables; `PORT` stands in for `IMGPROXY_BIND` where only that is set (spec 03 section 1.2)."""
    return _with_port(dict(os.environ))


def process_environment() -> Mapping[str, str]:
    """The variables as this process has them."""
    return dict(os.environ)


def load_everything() -> Mapping[str, str]:
    """The variables, also those from elsewhere; these are put into the process environment, where libraries look.

    Every command but `health` begins with it. It asks the network only when an `IMGPROXY_ENV_*` variable is set, and
    may be called again for newer values.

    Raises:
        ConfigurationError: one of the places cannot be read.
    """
    if not any(name.startswith(_ELSEWHERE) for name in os.environ):
        return read_environment()
    from renderer.environment import load_environment

    return _with_port(load_environment(os.environ, publish=os.environ.update))


def publish(environment: Mapping[str, str]) -> None:
    """Puts variables where libraries look for theirs."""
    os.environ.update(environment)


def restore(environment: Mapping[str, str]) -> None:
    """Makes the process environment what it was."""
    os.environ.clear()
    os.environ.update(environment)


def _with_port(environment: dict[str, str]) -> dict[str, str]:
    port = environment.get("PORT", "")
    if port.strip() and not environment.get("IMGPROXY_BIND", "").strip():
        environment["IMGPROXY_BIND"] = f":{port}"
    return environment


def load_or_complain(environment: Mapping[str, str] | None = None) -> Settings | None:
    """The settings, by default those of everything that there is, or None after every problem was printed."""
    from renderer.errors import ConfigurationError
    from renderer.settings.load import load_settings

    try:
        return load_settings(load_everything() if environment is None else environment)
    except ConfigurationError as error:
        complain(error)
        return None


def complain(error: ConfigurationError) -> int:
    """Prints every problem of the settings on stderr, and returns exit status 1."""
    print("These settings cannot be used:", file=sys.stderr)
    for problem in error.problems:
        print(f"  {problem}", file=sys.stderr)
    return 1
