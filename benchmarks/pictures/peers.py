"""Servers that others have started: where they are, which processes are theirs, and how their paths are signed."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.load import accounting
from benchmarks.load.client import Address
from benchmarks.pictures.targets import Server
from renderer.security.signature import sign

_FORWARDERS: Final = ("docker-proxy", "rootlessport", "slirp4netns", "conmon")
"""What listens for a container whose processes are elsewhere: its processor time says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A server of somebody else's, and what the report has to say about how it is seen."""

    name: str
    address: Address
    pid: int | None
    note: str

    def server(self) -> Server:
        """It as a target, over the same folder as ours."""
        return Server(name=self.name, address=self.address, pid=self.pid)


def peer(text: str, pids: Mapping[str, int]) -> Peer:
    """The peer in `NAME=URL`, with the process that is given for it or listens on its port.

    Raises:
        ValueError: that is not `NAME=URL`.
    """
    name, _, url = text.partition("=")
    if not name or not url:
        raise ValueError(f"{text} is not NAME=URL")
    address = Address.from_url(url)
    if name in pids:
        return Peer(name=name, address=address, pid=pids[name], note=f"process {pids[name]}, as given")
    pid = accounting.listener(address.port) if _is_here(address.host) else None
    if pid is None:
        return Peer(name=name, address=address, pid=None, note="its processes cannot be seen from here")
    command = accounting.command_name(pid)
    if command in _FORWARDERS:
        note = f"{command} listens for it; name its process with --peer-pid"
        return Peer(name=name, address=address, pid=None, note=note)
    return Peer(name=name, address=address, pid=pid, note=f"process {pid} ({command}), which listens on its port")


def pid(text: str) -> tuple[str, int]:
    """The name and the process in `NAME=PID`.

    Raises:
        ValueError: that is not `NAME=PID`.
    """
    name, _, number = text.partition("=")
    return name, int(number)


def deployed(url: str, source_prefix: str, key_file: Path | None) -> Server:
    """A deployed distribution. No path is asked for twice over all runs, or its caches would answer.

    Args:
        url: of the distribution, with or without the path that its paths begin with.
        source_prefix: how it names the corpus, for instance `s3://bucket/folder/`.
        key_file: has the key and the salt, a line each, in hexadecimal; None if paths need no signature.
    """
    server = Server(name="deployed", address=Address.from_url(url), pid=None, run=f"{uuid.uuid4().hex[:8]}-")
    server.source_prefix = source_prefix
    if key_file is not None:
        server.signed = signer(key_file.read_text(encoding="ascii").split())
    return server


def signer(pair: Sequence[str]) -> Callable[[str], str]:
    """What makes a signed path of one without signature.

    Raises:
        ValueError: that is no pair of hexadecimal numbers.
    """
    key, salt = map(bytes.fromhex, pair)
    return lambda rest: f"/{sign(rest, key, salt)}/{rest}"


def _is_here(host: str) -> bool:
    """Whether that host is this machine: only then can one of its addresses be bound."""
    try:
        for family, kind, protocol, _, place in socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM):
            with socket.socket(family, kind, protocol) as probe:
                probe.bind(place)
    except OSError:
        return False
    return True
