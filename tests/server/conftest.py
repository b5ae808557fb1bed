"""A whole server as a process, over a folder with pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pyvips

from benchmarks.load.server import RunningServer, running_server

Start = Callable[..., RunningServer]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with a picture that is quick to render and one that takes a while."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    image = pyvips.Image.gaussnoise(1200, 800, mean=128, sigma=40).cast("uchar").copy(interpretation="b-w")
    image.jpegsave(str(folder / "photo.jpg"))
    (folder / "secret.txt").write_text("no picture")
    return folder


@pytest.fixture
def start(tmp_path: Path, pictures: Path) -> Iterator[Start]:
    """Starts servers with further variables; they end with the test."""
    with ExitStack() as stack:

        def started(**variables: str) -> RunningServer:
            defaults = {"IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(pictures), "IMGPROXY_LOG_FORMAT": "json"}
            return stack.enter_context(running_server(tmp_path / "server.log", defaults | variables))

        yield started
