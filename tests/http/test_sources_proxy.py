"""Sources behind an outbound proxy, with a real one and a real TLS origin."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from renderer.errors import SourceError, SourceUnreachable
from renderer.settings.proxies import ProxySettings
from renderer.settings.sources import SourceSettings
from renderer.sources.registry import Sources, open_sources
from renderer.sources.source import Source

OPEN = {
    "allow_loopback_source_addresses": True,
    "allow_link_local_source_addresses": True,
    "allow_private_source_addresses": True,
}
"""With every class open no name has to be looked up here."""


@dataclass
class Proxy:
    """A proxy to one origin, whatever host it is asked for."""

    port: int = 0
    origin_port: int = 0
    heads: list[list[str]] = field(default_factory=list)
    refusal: bytes = b""
    connections: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection."""
        self.connections.add(asyncio.create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Notes heads of requests; a GET is asked of the origin, a CONNECT becomes a tunnel."""
        try:
            while head := await _head(reader):
                self.heads.append(head)
                if self.refusal:
                    writer.write(self.refusal)
                    await writer.drain()
                    continue
                inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.origin_port)
                if head[0].startswith("CONNECT "):
                    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                    await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))
                    return
                inner_writer.write("\r\n".join([*head, "Connection: close", "", ""]).encode())
                answer = await inner_reader.read()
                inner_writer.close()
                writer.write(answer.replace(b"Connection: close\r\n", b""))
                await writer.drain()
        finally:
            writer.close()


async def _head(reader: asyncio.StreamReader) -> list[str]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return []
    return head.decode().strip().split("\r\n")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """The proxy, listening."""
    proxy = Proxy()
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    yield proxy
    server.close()
    for connection in proxy.connections:
        connection.cancel()
    await asyncio.gather(*proxy.connections, return_exceptions=True)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's context with a certificate of its own signing for `secure.test`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "secure.test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path: Path = tmp_path_factory.mktemp("tls") / "pair.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def serve(request: web.BaseRequest) -> web.StreamResponse:
    """An origin: `/to/PLACE` redirects to the place."""
    # Behind a proxy the target is a whole URL.
    _, is_redirect, place = request.raw_path.partition("/to/")
    if is_redirect:
        return web.Response(status=302, headers={"Location": place})
    return web.Response(body=f"{request.host} {request.path}".encode())


@contextlib.asynccontextmanager
async def sources_behind(proxy: Proxy, *, user_info: str = "", **settings: object) -> AsyncIterator[Sources]:
    """Sources that reach everything but this machine through the proxy."""
    url = f"http://{user_info}127.0.0.1:{proxy.port}"
    wanted = SourceSettings(**{**OPEN, **settings})  # type: ignore[arg-type]
    sources = open_sources(wanted, check_source=lambda _: None, proxies=ProxySettings(http=url, https=url))
    try:
        yield sources
    finally:
        await sources.close()


async def fetched(sources: Sources, url: str) -> bytes:
    """What the sources bring."""
    source = await sources.fetch(url)
    assert isinstance(source, Source)
    return source.data


async def test_http_sources_are_asked_of_the_proxy_with_their_whole_url(proxy: Proxy) -> None:
    async with RawTestServer(serve) as origin, sources_behind(proxy) as sources:
        proxy.origin_port = origin.port or 0

        assert await fetched(sources, "http://user:pw@plain.test/a%2Fb?c") == b"plain.test /a/b"
        assert await fetched(sources, "http://plain.test:81/") == b"plain.test /"

    assert [head[0] for head in proxy.heads] == [
        "GET http://plain.test/a%2Fb?c HTTP/1.1",
        "GET http://plain.test:81/ HTTP/1.1",
    ]
    assert "Host: plain.test" in proxy.heads[0]
    assert "Authorization: Basic dXNlcjpwdw==" in proxy.heads[0]
    assert "Host: plain.test:81" in proxy.heads[1]


async def test_https_sources_go_through_a_tunnel(proxy: Proxy, tls: ssl.SSLContext) -> None:
    secure = RawTestServer(serve, scheme="https")
    await secure.start_server(ssl=tls)
    proxy.origin_port = secure.port or 0
    try:
        async with sources_behind(proxy, ignore_ssl_verification=True) as sources:
            assert await fetched(sources, "https://secure.test/x") == b"secure.test /x"
        async with sources_behind(proxy) as sources:
            with pytest.raises(SourceUnreachable, match="(?i)certificate"):
                await fetched(sources, "https://secure.test/x")
    finally:
        await secure.close()

    assert [head[0] for head in proxy.heads] == ["CONNECT secure.test:443 HTTP/1.1"] * 2


async def test_user_info_of_the_proxy_is_for_the_proxy(proxy: Proxy) -> None:
    async with RawTestServer(serve) as origin, sources_behind(proxy, user_info="me:secret@") as sources:
        proxy.origin_port = origin.port or 0
        for _ in range(2):
            await fetched(sources, "http://plain.test/")

    for head in proxy.heads:
        assert "Proxy-Authorization: Basic bWU6c2VjcmV0" in head
        assert not any(line.startswith("Authorization") for line in head)


async def test_redirects_go_through_the_proxy_too_but_for_this_machine(proxy: Proxy) -> None:
    async with RawTestServer(serve) as origin, sources_behind(proxy) as sources:
        proxy.origin_port = origin.port or 0
        here = str(origin.make_url("/x"))
        await fetched(sources, "http://one.test/to/http://two.test/x")
        direct = await fetched(sources, f"http://one.test/to/{here}")

    assert here == f"http://{direct.decode().replace(' ', '')}"
    assert [head[0].split()[1] for head in proxy.heads] == [
        "http://one.test/to/http://two.test/x",
        "http://two.test/x",
        f"http://one.test/to/{here}",
    ]


@pytest.mark.parametrize("url", ["http://plain.test/", "https://secure.test/"])
async def test_a_proxy_that_is_not_there_makes_sources_unreachable(url: str) -> None:
    closed = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    proxy = Proxy(port=closed.sockets[0].getsockname()[1])
    closed.close()
    await closed.wait_closed()

    async with sources_behind(proxy) as sources:
        with pytest.raises(SourceUnreachable) as raised:
            await fetched(sources, url)

    assert (raised.value.status, raised.value.public) == (404, "Source is unreachable")


async def test_a_proxy_that_refuses_a_tunnel_is_a_source_error_without_its_credentials(proxy: Proxy) -> None:
    proxy.refusal = b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n"

    async with sources_behind(proxy, user_info="me:secret@") as sources:
        with pytest.raises(SourceError) as raised:
            await fetched(sources, "https://secure.test/")

    assert raised.value.status == 404
    assert "secret" not in str(raised.value)


async def test_a_name_that_only_the_proxy_knows_is_unreachable_while_any_class_is_closed(proxy: Proxy) -> None:
    """What cannot be looked up cannot be checked. `.invalid` is a name that no resolver knows (RFC 6761)."""
    async with sources_behind(proxy, allow_link_local_source_addresses=False) as sources:
        with pytest.raises(SourceUnreachable):
            await fetched(sources, "http://inner.invalid/")

    assert proxy.heads == []
