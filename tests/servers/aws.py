"""Everything under amazonaws.com, as a proxy that answers itself: for what no S3 server on this machine has.

The SDK is pointed at it by `HTTPS_PROXY`. It accepts every tunnel, speaks TLS with a certificate of its own inside it,
records the requests and answers as the test says.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it came out of the tunnel."""

    host: str
    target: str
    headers: Mapping[str, str]
    body: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the test wants answered."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"picture"


Answering = Callable[[Request], Answer]


@dataclass(kw_only=True)
class FakeAWS:
    """What was asked, and how to answer it."""

    answer: Answering = field(default=lambda _: Answer())
    requests: list[Request] = field(default_factory=list)
    port: int = 0

    @property
    def hosts(self) -> list[str]:
        """The hosts that were asked, in order."""
        return [request.host for request in self.requests]


@asynccontextmanager
async def fake_aws(folder: Path) -> AsyncIterator[FakeAWS]:
    """The proxy, on a port of its own; `folder` gets its certificate."""
    aws = FakeAWS()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(folder))
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_tunnel(aws, context, reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    aws.port = server.sockets[0].getsockname()[1]
    try:
        yield aws
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def _tunnel(
    aws: FakeAWS, context: ssl.SSLContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.start_tls(context)
        while True:
            request = await _read(reader)
            aws.requests.append(request)
            answer = aws.answer(request)
            headers = {"Content-Length": str(len(answer.body)), **answer.headers}
            lines = [f"HTTP/1.1 {answer.status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
            writer.write("\r\n".join([*lines, "\r\n"]).encode() + answer.body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Request:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(host=headers["host"], target=first.split(" ")[1], headers=headers, body=body.decode())


def _certificate(folder: Path) -> Path:
    """A self-signed certificate and its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "amazonaws.com")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "fake-aws.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
