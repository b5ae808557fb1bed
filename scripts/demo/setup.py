"""What one demonstration is set up with: ports, secrets made for it alone, and a folder for all that it keeps."""

from __future__ import annotations

import dataclasses
import errno
import secrets
import socket
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from renderer.security.signature import sign

HOST: Final = "127.0.0.1"
ORIGINALS: Final = "originals"
RESULTS: Final = "results"
ACCESS_KEY: Final = "demo"
DISTRIBUTION: Final = "EDEMO"
"""Ids of CloudFront's distributions look like this."""


class CannotBegin(Exception):
    """The demonstration cannot be started; the text says what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where each process listens; `what` is for people."""

    cdn: int = field(default=8080, metadata={"what": "the CDN"})
    cloudfront: int = field(default=8085, metadata={"what": "the CDN's own API, which is told of deletions"})
    renderer: int = field(default=8082, metadata={"what": "the render server"})
    metrics: int = field(default=8081, metadata={"what": "the render server's metrics"})
    api: int = field(default=8090, metadata={"what": "the upload API"})
    s3: int = field(default=7070, metadata={"what": "the S3 server"})
    prometheus: int = field(default=9090, metadata={"what": "Prometheus"})
    grafana: int = field(default=3000, metadata={"what": "Grafana"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One demonstration.

    Attributes:
        folder: of everything that is written; only this user may look into it.
        ports: of all processes.
        s3_secret: of the S3 server's one account.
        key: signs URLs, in hexadecimal.
        salt: likewise.
        token: of the upload API.
        password: of Grafana's user `admin`.
    """

    folder: Path
    ports: Ports
    s3_secret: str = field(default_factory=lambda: secrets.token_hex(32))
    key: str = field(default_factory=lambda: secrets.token_hex(32))
    salt: str = field(default_factory=lambda: secrets.token_hex(32))
    token: str = field(default_factory=lambda: f"bw_{secrets.token_urlsafe(32)}")
    password: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def url(self, name: str, path: str = "") -> str:
        """An address of one of the ports, by its name in `Ports`."""
        return f"http://{HOST}:{getattr(self.ports, name)}{path}"

    def picture(self, options: str, key: str) -> str:
        """The address of a picture through the CDN, signed; the key is percent-encoded already."""
        path = f"{options}/plain/s3://{ORIGINALS}/{key}"
        signature = sign(path, bytes.fromhex(self.key), bytes.fromhex(self.salt))
        return self.url("cdn", f"/{signature}/{path}")


def check_ports(ports: Ports, unused: frozenset[str]) -> None:
    """Finds out before anything is started whether each port can be had.

    Args:
        ports: all of them.
        unused: names of those that nothing will listen on.

    Raises:
        CannotBegin: one is taken, or named twice.
    """
    taken: dict[int, str] = {}
    for place in dataclasses.fields(ports):
        number: int = getattr(ports, place.name)
        if place.name in unused:
            continue
        flag, what = f"--{place.name}-port", place.metadata["what"]
        if number in taken:
            raise CannotBegin(f"port {number} is both {taken[number]} and {flag}: name another")
        taken[number] = flag
        if reason := _why_not(number):
            raise CannotBegin(f"port {number}, for {what}, {reason}: name another with {flag}")


def _why_not(port: int) -> str:
    """Why nothing can listen there; empty if something can."""
    with closing(socket.socket()) as probe:
        # As servers do: connections that ended a minute ago are in nobody's way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError as error:
            return "is taken by another program" if error.errno == errno.EADDRINUSE else f"cannot be had ({error})"
    return ""
