"""Where the upload API is and what lets one in: from the environment or a file, never from the command line.

What stands on a command line is seen by everybody on the machine, and stays in the shell's history.
"""

from __future__ import annotations

import argparse
import ipaddress
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bildwerk.terminal import visible

_BASE: Final = re.compile(r"(https?)://([^/?#@\s]+)(?:/[^?#\s]*)?", re.IGNORECASE)
_MOST_BYTES: Final = 4096
"""Of a file with a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The API's address without a slash at its end, and the token."""

    url: str
    token: str = field(repr=False)


def add_access(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `access` reads."""
    parser.add_argument("--api", default="", metavar="URL", help="where the API is (default: BILDWERK_API_URL)")
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="holds the token (default: BILDWERK_API_TOKEN itself)"
    )


def access(chosen: argparse.Namespace, environment: Mapping[str, str]) -> Access:
    """The access that options and environment give; on stderr a warning if the token would go over an open line.

    Raises:
        ValueError: an address or a token is missing, or cannot be one; the text does not show the token.
    """
    from api.settings import ClientSettings
    from renderer.settings.load import load_table

    problems: list[str] = []
    settings = load_table(ClientSettings, environment, problems)
    if problems:
        raise ValueError("\n".join(problems))
    url = chosen.api or settings.url
    address = _BASE.fullmatch(url)
    if address is None:
        raise ValueError(f"the API's address is no http://host:port or https://host: {url}")
    token = _token_of(chosen.token_file) if chosen.token_file else settings.token.strip()
    _check(token, "the file" if chosen.token_file else "BILDWERK_API_TOKEN")
    if address[1].lower() == "http" and not _is_here(address[2]):
        print(f"warning: the token goes to {visible(address[2])} without encryption", file=sys.stderr)
    return Access(url=url.rstrip("/"), token=token)


def _token_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error
    return text.decode("ascii", "replace").strip()


def _check(token: str, place: str) -> None:
    from api.access.token_list import is_token

    if not token:
        raise ValueError(
            "there is no token: set BILDWERK_API_TOKEN or name a --token-file (`bildwerk token` makes one)"
        )
    if not is_token(token):
        raise ValueError(f"what {place} holds is no token of this API")


def _is_here(host_and_port: str) -> bool:
    """Whether an address is one of this machine, as far as its text tells."""
    host = re.sub(r":\d*\Z", "", host_and_port)
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
