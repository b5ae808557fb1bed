"""A server that answers with whatever bytes a test wants, in threads: what is tested runs a loop of its own."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Script = Callable[[socket.socket, str], None]
"""Plays one answer to the request target; the connection is closed when it returns."""


@dataclass
class RawOrigin:
    """A listener on 127.0.0.1.

    Attributes:
        script: plays the answers.
        tls: the server's side of TLS; None is plain HTTP.
        heads: of the requests, as lines.
        connections: how many were accepted.
        is_over: set when the test is; scripts that wait, wait for it.
    """

    script: Script
    tls: ssl.SSLContext | None = None
    heads: list[list[str]] = field(default_factory=list)
    connections: int = 0
    is_over: threading.Event = field(default_factory=threading.Event)
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self.listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Its address."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def accept(self) -> None:
        """Serves until the listener is closed, each connection in a thread."""
        threads = []
        with suppress(OSError):
            while not self.is_over.is_set():
                connection, _ = self.listener.accept()
                if self.is_over.is_set():
                    connection.close()
                    break
                self.connections += 1
                threads.append(threading.Thread(target=self.serve, args=(connection,)))
                threads[-1].start()
        for thread in threads:
            thread.join()

    def serve(self, connection: socket.socket) -> None:
        """One request and its answer."""
        # The client hangs up in the middle of many of these; a script that never ends, ends there.
        with connection, suppress(OSError):
            connection.settimeout(20)
            peer = self.tls.wrap_socket(connection, server_side=True) if self.tls else connection
            with peer:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    received = peer.recv(65_536)
                    if not received:
                        return
                    head += received
                lines = head.decode().strip().split("\r\n")
                self.heads.append(lines)
                self.script(peer, lines[0].split(" ")[1])
                # A connection with unread bytes in it would be reset, and the answer with it.
                peer.shutdown(socket.SHUT_WR)


@contextmanager
def serving(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[RawOrigin]:
    """The server, while it runs."""
    origin = RawOrigin(script=script, tls=tls)
    thread = threading.Thread(target=origin.accept)
    thread.start()
    try:
        yield origin
    finally:
        origin.is_over.set()
        # A last connection wakes `accept` up.
        socket.create_connection(("127.0.0.1", origin.port)).close()
        thread.join()
        origin.listener.close()


def sending(*pieces: bytes) -> Script:
    """Writes the pieces and closes."""

    def script(peer: socket.socket, _target: str) -> None:
        peer.sendall(b"".join(pieces))

    return script


def endless(head: bytes, piece: bytes, *, pause_seconds: float = 0) -> Script:
    """Writes the head and then the piece until the client hangs up."""
    pause = threading.Event()

    def script(peer: socket.socket, _target: str) -> None:
        peer.sendall(head)
        while True:
            peer.sendall(piece)
            if pause_seconds:
                pause.wait(pause_seconds)

    return script


def stalling(head: bytes) -> Script:
    """Writes the head and then nothing, until the client hangs up."""

    def script(peer: socket.socket, _target: str) -> None:
        peer.sendall(head)
        peer.recv(1)

    return script


def redirecting(*locations: str, status: int = 302) -> Script:
    """Redirects `/`, `/1`, `/2`, ... each to the next location, and answers the rest with a file."""

    def script(peer: socket.socket, target: str) -> None:
        name = target.partition("?")[0].removeprefix("/") or "0"
        step = int(name) if name.isdigit() else len(locations)
        if step < len(locations):
            fields = b"Set-Cookie: a=b\r\nContent-Length: 0"
            peer.sendall(
                b"HTTP/1.1 %d Moved\r\nLocation: %s\r\n%s\r\n\r\n" % (status, locations[step].encode(), fields)
            )
        else:
            peer.sendall(answer(b"body"))

    return script


def answer(
    body: bytes, *fields: bytes, status: bytes = b"200 OK", announced: int | None = None, is_sized: bool = True
) -> bytes:
    """An answer with Content-Length, or one that ends with the connection."""
    length = [b"Content-Length: %d" % (len(body) if announced is None else announced)] if is_sized else []
    return b"\r\n".join([b"HTTP/1.1 " + status, *length, *fields, b"", body])


def chunked(body: bytes, *fields: bytes) -> bytes:
    """An answer in one chunk, without the last one."""
    head = b"\r\n".join([b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked", *fields, b"", b""])
    return head + b"%x\r\n%s\r\n" % (len(body), body)
