"""The process environment: the only place that reads it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from renderer.errors import ConfigurationError
    from renderer.settings.load import Settings


def read_environment() -> Mapping[str, str]:
    """The variables; `PORT` stands in for `IMGPROXY_BIND` where only that is set (spec 03 section 1.2)."""
    environment = dict(os.environ)
    port = environment.get("PORT", "")
    if port.strip() and not environment.get("IMGPROXY_BIND", "").strip():
        environment["IMGPROXY_BIND"] = f":{port}"
    return environment


def load_or_complain(environment: Mapping[str, str]) -> Settings | None:
    """The settings, or None after every problem was printed."""
    from renderer.errors import ConfigurationError
    from renderer.settings.load import load_settings

    try:
        return load_settings(environment)
    except ConfigurationError as error:
        complain(error)
        return None


def complain(error: ConfigurationError) -> int:
    """Prints every problem of the settings on stderr, and returns exit status 1."""
    print("These settings cannot be used:", file=sys.stderr)
    for problem in error.problems:
        print(f"  {problem}", file=sys.stderr)
    return 1
