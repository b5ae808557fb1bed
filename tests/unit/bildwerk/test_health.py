"""`bildwerk health` against small servers on this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from bildwerk import health
from bildwerk.health import address
from bildwerk.main import imgproxy, main


@pytest.fixture
def server() -> Iterator[Callable[[int, bytes], tuple[int, list[str]]]]:
    """Starts a server with one answer; gives its port and the paths that it is asked for."""
    with ExitStack() as stack:

        def start(status: int, body: bytes) -> tuple[int, list[str]]:
            paths: list[str] = []

            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    paths.append(self.path)
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

                def log_message(self, *_: object) -> None:
                    """Keeps the test's output clean."""

            listening = HTTPServer(("127.0.0.1", 0), Handler)
            thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(listening.server_close)
            stack.callback(thread.join)
            stack.callback(listening.shutdown)
            return listening.server_port, paths

        yield start


@pytest.mark.parametrize(
    ("bind", "expected"),
    [
        ("", ("127.0.0.1", 8080)),
        (" ", ("127.0.0.1", 8080)),
        (":9000", ("127.0.0.1", 9000)),
        ("0.0.0.0:80", ("127.0.0.1", 80)),
        ("[::]:80", ("::1", 80)),
        (":::80", ("::1", 80)),
        ("[2001:db8::1]:80", ("2001:db8::1", 80)),
        ("192.0.2.7:81", ("192.0.2.7", 81)),
        ("pictures.internal:8080", ("pictures.internal", 8080)),
        (" :80 ", ("127.0.0.1", 80)),
    ],
)
def test_the_address_to_ask_follows_from_the_address_to_listen_on(bind: str, expected: tuple[str, int]) -> None:
    """A server that listens everywhere is asked on this machine."""
    assert address(bind) == expected


@pytest.mark.parametrize(
    ("bind", "network", "host"),
    [
        (":80", "tcp", "127.0.0.1"),
        (":80", "tcp4", "127.0.0.1"),
        (":80", "tcp6", "::1"),
        ("10.0.0.1:80", "tcp6", "10.0.0.1"),
    ],
)
def test_without_a_host_the_version_of_ip_decides(bind: str, network: str, host: str) -> None:
    """A server of version 6 only hears nobody who asks the loopback address of version 4."""
    assert address(bind, network) == (host, 80)


@pytest.mark.parametrize(
    "bind", ["8080", "host", "host:", ":x", ":0", ":65536", ":-1", ":1_0", ":９", ":" + "9" * 5000]
)
def test_an_address_without_a_port_is_refused(bind: str) -> None:
    """There is nothing to connect to."""
    with pytest.raises(ValueError, match="expected host:port"):
        address(bind)


def test_a_server_that_is_well_gives_status_0(
    server: Callable[[int, bytes], tuple[int, list[str]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its answer is on stderr, as with imgproxy; stdout stays empty."""
    port, paths = server(200, b"imgproxy is running")
    monkeypatch.setenv("IMGPROXY_BIND", f":{port}")

    status = main(["health"])

    assert status == 0
    assert paths == ["/health"]
    assert capsys.readouterr() == ("", "imgproxy is running\n")


def test_imgproxy_health_asks_the_same(
    server: Callable[[int, bytes], tuple[int, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`PORT` says where, too."""
    port, paths = server(200, b"imgproxy is running")
    monkeypatch.setenv("PORT", str(port))

    assert imgproxy(["health"]) == 0
    assert paths == ["/health"]


def test_any_other_status_gives_status_1(
    server: Callable[[int, bytes], tuple[int, list[str]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the answer behind its status."""
    port, _ = server(500, b"Error")
    monkeypatch.setenv("IMGPROXY_BIND", f"127.0.0.1:{port}")

    assert main(["health"]) == 1
    assert capsys.readouterr().err == "500: Error\n"


@pytest.mark.parametrize(
    ("prefix", "path"), [("/img", "/img/health"), (" ", "/health"), ("/a b/ü", "/a%20b/%C3%BC/health")]
)
def test_the_prefix_of_all_routes_is_kept(
    prefix: str,
    path: str,
    server: Callable[[int, bytes], tuple[int, list[str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A blank one is none, and characters that a path cannot hold are escaped."""
    port, paths = server(200, b"")
    monkeypatch.setenv("IMGPROXY_BIND", f":{port}")
    monkeypatch.setenv("IMGPROXY_PATH_PREFIX", prefix)

    assert main(["health"]) == 0
    assert paths == [path]


def test_other_settings_are_not_looked_at(
    server: Callable[[int, bytes], tuple[int, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a running server is well has nothing to do with them."""
    port, _ = server(200, b"imgproxy is running")
    monkeypatch.setenv("IMGPROXY_BIND", f":{port}")
    monkeypatch.setenv("IMGPROXY_QUALITY", "no number")

    assert main(["health"]) == 0


def test_nobody_there_is_status_1_and_says_who_was_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A port that nobody listens on."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        monkeypatch.setenv("IMGPROXY_BIND", f":{port}")

        status = main(["health"])

    assert status == 1
    assert capsys.readouterr().err.startswith(f"http://127.0.0.1:{port}/health: ")


def test_an_address_that_is_none_is_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The variable is named."""
    monkeypatch.setenv("IMGPROXY_BIND", "nowhere")

    assert main(["health"]) == 1
    assert capsys.readouterr().err == "IMGPROXY_BIND: expected host:port, got 'nowhere'\n"


def test_a_server_that_does_not_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It accepts the connection and stays silent."""
    monkeypatch.setattr(health, "TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("IMGPROXY_BIND", f":{silent.getsockname()[1]}")

        assert main(["health"]) == 1

    assert "timed out" in capsys.readouterr().err


def test_an_answer_that_is_no_http_is_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another program may hold the port."""
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        monkeypatch.setenv("IMGPROXY_BIND", f":{other.getsockname()[1]}")

        status = main(["health"])
        thread.join()

    assert status == 1
    assert "220 mail.example ESMTP" in capsys.readouterr().err
