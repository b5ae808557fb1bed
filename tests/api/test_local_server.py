"""The local API as a process: killed, told to end, and as `bildwerk api`."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from renderer.cache.tags import original_tag
from tests.api.fakes import picture
from tests.api.local_functions import AUTHORIZED

TAG = original_tag("local:///a.jpg")
PATIENCE_SECONDS = 20
PYTHON = (sys.executable, "-X", "utf8")


@contextmanager
def running(command: tuple[str, ...], **variables: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process, and the port that it names on its first line."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("BILDWERK_", "IMGPROXY_"))}
    process = subprocess.Popen(command, env=environment | variables, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with closing(process.stdout):
        try:
            line = next((line for line in process.stdout if "http://" in line), "")
            yield process, urlsplit(line.split()[-1]).port or 0
        finally:
            process.kill()
            process.wait()


def hanging(folder: Path, where: str) -> tuple[str, ...]:
    """The command of `local_process.py`."""
    return (*PYTHON, "-m", "tests.api.local_process", str(folder), where)


def ask(
    port: int, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = AUTHORIZED
) -> tuple[int, dict[str, object]]:
    """Status and JSON of an answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)) as connection:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else {}


def until_there(path: Path) -> str:
    """The text of a file that another process writes."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if path.exists():
            return path.read_text()
        time.sleep(0.01)
    raise AssertionError(f"{path.name} was not written")


def until_closed(port: int) -> None:
    """Waits until nobody listens any more."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return
        time.sleep(0.01)
    raise AssertionError("the port is still open")


@pytest.mark.parametrize("where", ["store", "function", "purge"])
def test_purge_happens_though_the_process_was_killed(tmp_path: Path, where: str) -> None:
    """Wherever between the deletion and the purge it was: the next process purges."""
    (tmp_path / "a.jpg").touch()
    with ExitStack() as stack:
        process, port = stack.enter_context(running(hanging(tmp_path, where)))
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)) as connection:
            connection.request("DELETE", "/images/a.jpg", headers=AUTHORIZED)
            until_there(tmp_path / "hanging")
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert not (tmp_path / "a.jpg").exists()
    assert not (tmp_path / "purged").exists()

    with running(hanging(tmp_path, "nowhere")):
        purged = until_there(tmp_path / "purged")

    assert set(purged.split()) == {TAG}


def test_what_is_due_is_done_before_the_end(tmp_path: Path) -> None:
    """SIGTERM waits for the purge of a deletion that was just answered, and the status is 0."""
    (tmp_path / "a.jpg").touch()
    with running(hanging(tmp_path, "nowhere")) as (process, port):
        status, answer = ask(port, "DELETE", "/images/a.jpg")
        process.send_signal(signal.SIGTERM)

        assert process.wait(PATIENCE_SECONDS) == 0
    assert (status, set(answer)) == (202, {"purge"})
    assert set((tmp_path / "purged").read_text().split()) == {TAG}


def test_second_signal_hurries(tmp_path: Path) -> None:
    """Whoever presses Ctrl-C twice does not wait for a purge that hangs; it stays in the queue."""
    (tmp_path / "a.jpg").touch()
    with running(hanging(tmp_path, "purge")) as (process, port):
        ask(port, "DELETE", "/images/a.jpg")
        until_there(tmp_path / "hanging")
        process.send_signal(signal.SIGINT)
        until_closed(port)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)

        assert process.wait(PATIENCE_SECONDS) == 0
    assert time.monotonic() - began < 5
    with running(hanging(tmp_path, "nowhere")):
        until_there(tmp_path / "purged")


def test_idle_connection_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """Nor does a client that has sent half a request."""
    with running(hanging(tmp_path, "nowhere")) as (process, port), ExitStack() as stack:
        for _ in range(2):
            connection = stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", port)))
            connection.connect()
        connection.sock.sendall(b"GET /images/a HTTP/1.1\r\n")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)

        assert process.wait(PATIENCE_SECONDS) == 0
    assert time.monotonic() - began < 8


TOKENS = json.dumps([{"name": "me", "token": "secret-token-of-the-test", "scopes": ["upload", "delete"]}])
ME = {"Authorization": "Bearer secret-token-of-the-test"}


def variables(tmp_path: Path) -> dict[str, str]:
    """An API over a folder."""
    (tmp_path / "pictures").mkdir(exist_ok=True)
    return {
        "BILDWERK_API_FOLDER": str(tmp_path / "pictures"),
        "BILDWERK_API_STATE": str(tmp_path / "journal.sqlite3"),
        "BILDWERK_API_TOKENS": TOKENS,
        "BILDWERK_API_BIND": "127.0.0.1:0",
    }


API = (*PYTHON, "-m", "bildwerk.main", "api")


def test_command_stores_tells_and_deletes(tmp_path: Path) -> None:
    """One short life of a picture, and a clean end."""
    with running(API, **variables(tmp_path)) as (process, port):
        headers = {**ME, "Content-Type": "image/png"}
        stored = ask(port, "PUT", "/images/a.png", picture("png", width=8, height=6), headers)
        told = ask(port, "GET", "/images/a.png", headers=ME)
        stranger = ask(port, "GET", "/images/a.png", headers={})
        deleted = ask(port, "DELETE", "/images/a.png", headers=ME)
        gone = ask(port, "GET", "/images/a.png", headers=ME)
        process.send_signal(signal.SIGTERM)

        assert process.wait(PATIENCE_SECONDS) == 0
    assert [status for status, _ in (stored, told, stranger, deleted, gone)] == [201, 200, 401, 202, 404]
    assert told[1]["cache_tag"] == original_tag("local:///a.png") == deleted[1]["cache_tag"]


def test_one_queue_has_one_process(tmp_path: Path) -> None:
    """A second one says so and ends."""
    with running(API, **variables(tmp_path)):
        second = subprocess.run(
            API, env={**os.environ, **variables(tmp_path)}, capture_output=True, text=True, timeout=60, check=False
        )

    assert second.returncode == 1
    assert "BILDWERK_API_STATE: another process has" in second.stderr


@pytest.mark.parametrize(
    ("further", "expected"),
    [
        ({"BILDWERK_API_AUTH": "iam"}, "BILDWERK_API_AUTH: iam is API Gateway's"),
        ({"BILDWERK_API_BIND": "nowhere"}, "BILDWERK_API_BIND: expected host:port"),
        ({"BILDWERK_API_STATE": "/dev/null/journal"}, "BILDWERK_API_STATE: /dev/null/journal cannot be"),
        ({"BILDWERK_API_FOLDER": ""}, "BILDWERK_BUCKET, BILDWERK_API_FOLDER: expected one of the two"),
    ],
)
def test_unusable_settings_are_told(tmp_path: Path, further: dict[str, str], expected: str) -> None:
    """On stderr, with status 1."""
    environment = {**os.environ, **variables(tmp_path), **further}
    ended = subprocess.run(API, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 1
    assert expected in ended.stderr
    assert "Traceback" not in ended.stderr


def test_queue_is_this_users_only(tmp_path: Path) -> None:
    """A folder for temporary files belongs to everybody: what another user may write to is not used."""
    shared = tmp_path / f"bildwerk-api-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o777)
    environment = {**os.environ, **variables(tmp_path), "BILDWERK_API_STATE": "", "TMPDIR": str(tmp_path)}
    ended = subprocess.run(API, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 1
    assert "is not only this user's" in ended.stderr
