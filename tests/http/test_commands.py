"""The commands as processes, beside a server that one of them is."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pyvips

from bildwerk.main import main
from renderer.formats import ImageFormat, detect

SETTINGS = {
    "IMGPROXY_BIND": "127.0.0.1:0",
    "IMGPROXY_PATH_PREFIX": "/img",
    "IMGPROXY_KEY": "aa,bb",
    "IMGPROXY_SALT": "cc,dd",
    "IMGPROXY_TRUSTED_SIGNATURES": "open",
    "IMGPROXY_PRESETS": "thumb=rs:fill:20:20",
    "IMGPROXY_ALLOWED_SOURCES": "local:///",
    "IMGPROXY_SOURCE_URL_ENCRYPTION_KEY": "00112233445566778899aabbccddeeff",
}


def environment(**settings: str) -> dict[str, str]:
    """The machine's environment with these settings and no other."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("IMGPROXY_", "BILDWERK_"))}
    ours.pop("PORT", None)
    return {**ours, **settings}


def run(*words: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """One of our two names as a process: the first word is the function behind it."""
    code = f"import sys; from bildwerk.main import {words[0]} as command; sys.exit(command(sys.argv[1:]))"
    arguments = [sys.executable, "-c", code, *words[1:]]
    return subprocess.run(
        arguments, input=stdin, capture_output=True, text=True, env=environment(**settings), timeout=60, check=False
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A server with one picture; gives the settings that commands beside it have. It ends well on SIGTERM."""
    root = tmp_path_factory.mktemp("pictures")
    pyvips.Image.black(60, 40, bands=3).copy(interpretation="srgb").write_to_file(str(root / "a b@2x#.png"))
    settings = {**SETTINGS, "IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(root)}
    command = [sys.executable, "-u", "-m", "bildwerk.main", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(**settings)) as process:
        try:
            assert process.stdout is not None
            address = next(filter(None, (re.search(r"http://(127\.0\.0\.1:\d+)", line) for line in process.stdout)))
            yield {**settings, "IMGPROXY_BIND": address[1]}
            process.send_signal(signal.SIGTERM)
            process.stdout.read()
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()


def get(url: str, **headers: str) -> tuple[int, bytes]:
    """Status and body, from this machine's server."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request("GET", url.removeprefix(f"http://{parts.netloc}"), headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("name", ["main", "imgproxy"])
def test_health_asks_the_running_server(name: str, server: dict[str, str]) -> None:
    """Under both names, with the server's own settings."""
    result = run(name, "health", **server)

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "imgproxy is running\n")


@pytest.mark.parametrize("encoding", ["plain", "base64", "encrypted"])
def test_a_written_url_is_answered_with_the_picture(encoding: str, server: dict[str, str]) -> None:
    """Signed, prefixed, in the format that was asked for."""
    base = f"http://{server['IMGPROXY_BIND']}"
    words = ["local:///a b@2x#.png", "--options", "pr:thumb", "--format", "webp", "--encoding", encoding]
    result = run("main", "url", *words, "--base", base, **server)
    assert (result.returncode, result.stderr) == (0, "")

    status, body = get(result.stdout.removesuffix("\n"))

    image = pyvips.Image.new_from_buffer(body, "")
    assert status == 200
    assert detect(body) is ImageFormat.WEBP
    assert (image.width, image.height) == (20, 20)


@pytest.mark.parametrize("pair", ["1", "2"])
def test_signed_paths_are_accepted(pair: str, server: dict[str, str]) -> None:
    """From stdin, with either key."""
    paths = "w:10/plain/local:///a%20b%402x%23.png\nw%3A12/plain/local:/a%20b%402x%23.png\n"

    result = run("main", "sign", "--pair", pair, "-", stdin=paths, **server)

    answers = [get(f"http://{server['IMGPROXY_BIND']}{path}")[0] for path in result.stdout.splitlines()]
    assert answers == [200, 200]


@pytest.mark.parametrize(
    "path",
    [
        "/img/open/w:10/plain/local:///a%20b%402x%23.png",
        "/img/open/pr:thumb/plain/local:///a%20b%402x%23.png@jpg",
        "/img/open/raw:1/plain/local:///a%20b%402x%23.png",
        "/img/closed/w:10/plain/local:///a%20b%402x%23.png",
        "/img/AAAA/w:10/plain/local:///a%20b%402x%23.png",
        "/img/open/widht:10/plain/local:///a.png",
        "/img/open/w:10/plain/http://other.test/a.png",
        "/img/open/w:10/plain/local:///a.png@heic",
        "/img/open/w:10/plain/local:///a.png@tif",
        "/img/open/f:heic/plain/local:///a.png",
        "/img/open/msr:1/plain/local:///a.png",
        "/img/open/exp:1/plain/local:///a.png",
        "/img/open/pr:tumb/plain/local:///a.png",
        "/img/open/w:10/%zz",
        "/img/open/w:10/plain/local:///a.png@a@b",
        "/img/open/",
        "/img/open",
        "/other/open/w:10/plain/local:///a.png",
    ],
)
def test_explain_and_the_server_agree(
    path: str, server: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On whether a URL is understood, on the status and on the public sentence."""
    for name in os.environ.keys() - environment().keys():
        monkeypatch.delenv(name)
    for name, value in server.items():
        monkeypatch.setenv(name, value)

    explained = main(["explain", "--json", path])
    status, body = get(f"http://{server['IMGPROXY_BIND']}{path}")

    refused = json.loads(capsys.readouterr().out).get("refused")
    if refused is None:
        assert (explained, status) == (0, 200)
    else:
        assert (explained, refused["status"]) == (1, status)
        assert refused["public"] in body.decode()


def test_render_makes_what_the_server_sends(server: dict[str, str], tmp_path: Path) -> None:
    """To the byte: it is the same pipeline."""
    source = Path(server["IMGPROXY_LOCAL_FILESYSTEM_ROOT"]) / "a b@2x#.png"
    options = "rs:fill:30:30/g:no/bl:1"

    result = run("main", "render", str(source), str(tmp_path / "out.jpg"), "--options", options, **server)

    target = f"http://{server['IMGPROXY_BIND']}/img/open/{options}/plain/local:///a%20b%402x%23.png@jpg"
    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "out.jpg").read_bytes() == get(target)[1]


def test_health_notices_that_nobody_listens(server: dict[str, str]) -> None:
    """Port 1 is nobody's."""
    result = run("main", "health", **{**server, "IMGPROXY_BIND": "127.0.0.1:1"})

    assert result.returncode == 1
    assert result.stderr.startswith("http://127.0.0.1:1/img/health: ")
