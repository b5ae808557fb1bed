"""Clients that send or read next to nothing: they are ended, and nobody else waits for them."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import pyvips

from benchmarks.load.client import Connection, Cut
from benchmarks.load.server import RunningServer
from tests.server.test_processes import until

QUICK = "/unsafe/rs:fit:100:100/plain/local:///photo.jpg"
Start = Callable[..., RunningServer]


def slow_socket(port: int) -> socket.socket:
    """A connection that takes in as little as a kernel allows."""
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    slow.settimeout(20)
    slow.connect(("127.0.0.1", port))
    return slow


async def ended(slow: socket.socket, sent: bytes) -> float:
    """After how many seconds the server ends a connection that sends one byte a tenth of a second."""
    began = time.monotonic()
    for byte in sent:
        try:
            slow.send(bytes([byte]))
        except OSError:
            break
        await asyncio.sleep(0.1)
    return time.monotonic() - began


async def test_a_request_that_trickles_in_is_ended_at_its_time(start: Start) -> None:
    """Also one that is never begun, and one whose headers never end."""
    server = start(IMGPROXY_READ_REQUEST_TIMEOUT="1", IMGPROXY_KEEP_ALIVE_TIMEOUT="30")
    trickling, silent = slow_socket(server.port), slow_socket(server.port)
    request = f"GET {QUICK} HTTP/1.1\r\nHost: localhost\r\nX-Long: ".encode() + b"x" * 200

    took = await ended(trickling, request)
    assert took < 4
    assert silent.recv(1) == b""
    assert server.is_well()
    for slow in (trickling, silent):
        slow.close()


async def test_a_kept_connection_may_be_idle_for_its_own_time_and_no_longer(start: Start) -> None:
    """Longer than the time to read a request, which is for requests that have begun."""
    server = start(IMGPROXY_READ_REQUEST_TIMEOUT="1", IMGPROXY_KEEP_ALIVE_TIMEOUT="3")
    connection = await Connection.open(server.port)
    assert (await connection.get(QUICK)).status == 200
    await asyncio.sleep(2)
    assert (await connection.get(QUICK)).status == 200
    began = time.monotonic()
    with pytest.raises(Cut):
        await connection.receive()
    await connection.close()

    assert 2.5 < time.monotonic() - began < 6


async def test_an_answer_that_nobody_takes_is_given_up_and_held_no_worker(start: Start, pictures: Path) -> None:
    """Both workers' worth of slow readers, and somebody else is served at once."""
    noise = pyvips.Image.gaussnoise(3000, 3000, mean=128, sigma=60).cast("uchar").copy(interpretation="b-w")
    noise.pngsave(str(pictures / "large.png"), compression=0)
    server = start(IMGPROXY_WORKERS="1", IMGPROXY_WRITE_RESPONSE_TIMEOUT="2")
    slow = slow_socket(server.port)
    slow.sendall(b"GET /unsafe/skp:png/plain/local:///large.png HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert slow.recv(1) == b"H"
    connection = await Connection.open(server.port)
    answer = await connection.get(QUICK)
    await connection.close()
    await asyncio.sleep(4)
    taken = 0
    try:
        while data := slow.recv(65_536):
            taken += len(data)
    except ConnectionResetError:
        pass
    slow.close()

    assert answer.status == 200
    assert answer.seconds < 2
    assert taken < 9_000_000


async def test_a_raw_stream_lives_as_long_as_its_reader_takes_some_of_it(start: Start, pictures: Path) -> None:
    """Far longer than the time for an answer, and slower than a buffer within that time; then it is cut."""
    (pictures / "large.bin").write_bytes(bytes(20_000_000))
    server = start(IMGPROXY_WRITE_RESPONSE_TIMEOUT="1")
    slow = slow_socket(server.port)
    slow.sendall(b"GET /unsafe/raw:1/plain/local:///large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
    began = time.monotonic()
    while time.monotonic() - began < 5:
        assert slow.recv(2000)
        await asyncio.sleep(0.1)
    await until(lambda: b"did not take the answer within 1 s" in server.log.read_bytes(), 6)
    slow.close()


async def test_a_request_line_over_the_limit_is_431(start: Start) -> None:
    server = start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /" + b"a" * 1_200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head = await reader.read(200)
    writer.close()

    assert head.split(b" ", 2)[1] == b"431"
