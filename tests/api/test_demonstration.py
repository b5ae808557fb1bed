"""The README's demonstration of the upload API does what it says, line by line as a reader pastes it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from scripts.ports import free_port
from scripts.samples.files import FILES

README = Path(__file__).parents[2] / "README.md"
HEADING = "## Store and delete pictures"
SAMPLES = ".samples/"
PATIENCE_SECONDS = 90


def demonstration() -> str:
    """The one block of commands in its section."""
    section = README.read_text(encoding="utf-8").partition(f"\n{HEADING}\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"^```\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    return str(block)


def adapted(block: str, replacements: dict[str, str]) -> str:
    """The block with other ports and paths; each has to occur, or the block would use the real one."""
    for old, new in replacements.items():
        assert old in block, f"the demonstration has no {old!r} any more"
        block = block.replace(old, new)
    return block


def draw(block: str, folder: Path) -> None:
    """Draws the sample pictures that the block names."""
    names = set(re.findall(rf"{re.escape(SAMPLES)}(\S+)", block))
    assert names <= FILES.keys(), "the demonstration names a picture that `make run` does not draw"
    folder.mkdir()
    for name in names:
        FILES[name](str(folder / name))


def printed(script: str, environment: dict[str, str]) -> str:
    """What the script prints, once it has ended well; whatever it has started is gone then."""
    process = subprocess.Popen(
        ["bash", "-e", "-c", script],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        text, _ = process.communicate(timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired as expired:
        raise AssertionError(f"not within {PATIENCE_SECONDS} s: {expired.output!r}") from expired
    finally:
        # The servers too, if it has not come to the line that ends them: the session is this script's own.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert process.returncode == 0, text
    return text


def is_free(port: int) -> bool:
    """Whether nobody listens on a port."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="the demonstration needs bash and curl")
def test_the_demonstration_shows_two_different_pictures_and_then_none(tmp_path: Path) -> None:
    """Uploaded, rendered, replaced, rendered anew, deleted, 404; nothing is left behind."""
    api, renderer = free_port(), free_port()
    block = demonstration()
    draw(block, tmp_path / "samples")
    script = adapted(
        block,
        {
            "127.0.0.1:8090": f"127.0.0.1:{api}",
            "127.0.0.1:8080": f"127.0.0.1:{renderer}",
            ".venv/bin/bildwerk": f"{sys.executable} -m bildwerk.main",
            SAMPLES: f"{tmp_path}/samples/",
        },
    )
    (tmp_path / "demonstration").mkdir()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("BILDWERK_", "IMGPROXY_", "AWS_"))
    } | {"TMPDIR": str(tmp_path / "demonstration"), "PYTHONPATH": str(README.parent), "BILDWERK_PROCESSES": "1"}

    text = printed(script, environment)

    assert re.findall(r"^(stored|replaced|deleted) +shoes/1\.jpg", text, re.MULTILINE) == [
        "stored",
        "replaced",
        "deleted",
    ], text
    sums = re.findall(r"^(\d+) (\d+) \S+/(before|after)\.webp$", text, re.MULTILINE)
    assert [name for *_, name in sums] == ["before", "after"], text
    assert sums[0][0] != sums[1][0], "the second picture is the first one"
    assert all(int(size) > 1000 for _, size, _ in sums), "an answer is no picture"
    assert re.findall(r"^status (\d+)$", text, re.MULTILINE) == ["404"], text
    assert is_free(api)
    assert is_free(renderer)
    assert list((tmp_path / "demonstration").iterdir()) == []
