"""Every command is tried under settings that the test names, and none that happen to be set."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import pyvips

Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes away whatever settings the machine has."""
    for name in os.environ:
        if name.startswith(("IMGPROXY_", "BILDWERK_")) or name == "PORT":
            monkeypatch.delenv(name)


@pytest.fixture
def bildwerk() -> Run:
    """Runs `bildwerk` as a process of its own, with further settings and stdin."""

    def run(*arguments: str, stdin: bytes = b"", **settings: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "bildwerk.main", *arguments]
        environment = {**os.environ, **settings}
        return subprocess.run(command, input=stdin, capture_output=True, env=environment, timeout=60, check=False)

    return run


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Writes a small picture, 60 x 40 with a red square, in the format of its name."""

    def write(name: str, *, width: int = 60, height: int = 40) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = pyvips.Image.black(width, height, bands=3).draw_rect([200, 20, 20], 5, 5, 20, 20, fill=True)
        image.copy(interpretation="srgb").write_to_file(str(path))
        return path

    return write
