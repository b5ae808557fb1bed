"""The project's own commands as processes: they sign, upload, delete and make tokens exactly as a site's do.

Keys and tokens go by the environment, where no other user of the machine sees them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from infra.smoke.asking import Shortfall

COMMAND_SECONDS: Final = 300
"""`bildwerk upload` tries again by itself; this ends one that hangs."""

_OTHERS: Final = ("IMGPROXY_", "BILDWERK_")
"""Settings of whoever runs this, which must not change what the commands do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """Commands for one deployment.

    Attributes:
        api_url: of the upload API.
        environment: of this process, without settings of other programs.
    """

    api_url: str
    key: str = field(repr=False)
    salt: str = field(repr=False)
    token: str = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)

    @property
    def key_pairs(self) -> int:
        """How many keys the deployment accepts."""
        return len(self.key.split(","))

    def signed(self, paths: Sequence[str], *, pair: int = 1) -> list[str]:
        """The paths behind their signatures, by one of the key pairs, counted from 1."""
        secrets = {"IMGPROXY_KEY": self.key, "IMGPROXY_SALT": self.salt}
        return self._run(["sign", "--pair", str(pair), *paths], secrets).stdout.split()

    def uploaded(self, file: Path, key: str) -> dict[str, Any]:
        """What the API says of a picture that is stored now; it goes by a form to S3 if it is large."""
        (record,) = self._records(["upload", "--json", str(file), "--key", key])
        if "image" not in record:
            raise Shortfall(f"the upload of {key} was refused: {record.get('problem')}")
        image: dict[str, Any] = record["image"]
        return image

    def deleted(self, keys: Sequence[str]) -> list[dict[str, Any]]:
        """What the API says of each key; `state` is `absent` for those that were not there. All versions go."""
        records = self._records(["delete", "--json", "--versions", "all", *keys], accepted=(0, 1))
        if missing := sorted(set(keys) - {str(record["key"]) for record in records}):
            raise Shortfall(f"the API did not delete {', '.join(missing)}")
        return records

    def new_token(self, name: str, prefix: str) -> tuple[str, dict[str, Any]]:
        """A token for keys of that prefix, and its entry for the list."""
        done = self._run(["token", name, "--scope", "upload", "--scope", "delete", "--prefix", prefix], {})
        lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if " " in line)
        return lines["token"], json.loads(lines["entry"])

    def _records(self, words: Sequence[str], *, accepted: Sequence[int] = (0,)) -> list[dict[str, Any]]:
        secrets = {"BILDWERK_API_URL": self.api_url, "BILDWERK_API_TOKEN": self.token}
        done = self._run(words, secrets, accepted=accepted)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        if not records:
            raise Shortfall(_told(words, done))
        return records

    def _run(
        self, words: Sequence[str], secrets: Mapping[str, str], *, accepted: Sequence[int] = (0,)
    ) -> subprocess.CompletedProcess[str]:
        clean = {name: text for name, text in self.environment.items() if not name.startswith(_OTHERS)}
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "bildwerk.main", *words],
            env={**clean, **secrets},
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
        if done.returncode not in accepted:
            raise Shortfall(_told(words, done))
        return done


def _told(words: Sequence[str], done: subprocess.CompletedProcess[str]) -> str:
    said = " ".join((done.stderr.strip() or done.stdout.strip()).split())
    return f"bildwerk {words[0]} ended with {done.returncode}: {said[-400:]}"
