"""The address guard where it counts: on the connection."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import RawTestServer

from renderer.errors import SourceAddressForbidden, SourceError
from renderer.response.validators import Conditions
from renderer.settings.sources import SourceSettings
from renderer.sources.http import HttpLoader
from renderer.sources.source import RawRequest, Source


@dataclass
class Origin:
    """An origin that serves one body and counts; `/to/HOST` redirects there."""

    port: int = 0
    hosts: list[str] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Notes the name it was called by."""
        self.hosts.append(request.host.partition(":")[0])
        if request.path.startswith("/to/"):
            return web.Response(status=302, headers={"Location": f"http://{request.path[4:]}:{self.port}/"})
        return web.Response(body=b"body")


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    """The origin, listening on 127.0.0.1."""
    origin = Origin()
    async with RawTestServer(origin.handle) as server:
        assert server.port is not None
        origin.port = server.port
        yield origin


class Book(AbstractResolver):
    """A resolver that gives each name its answers one after the other, the last one again and again."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002  the interface has it
    ) -> list[ResolveResult]:
        """The next answer for the name's first label."""
        self.asked.append(host)
        answers = self.answers[host.partition(".")[0]]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


async def fetched(url: str, book: Book | None = None, *, allow_loopback: bool = True) -> bytes:
    """What a fresh loader brings; private networks are closed, so that one never leaves this machine by mistake."""
    settings = SourceSettings(allow_loopback_source_addresses=allow_loopback, allow_private_source_addresses=False)
    loader = HttpLoader(settings, check_source=lambda _: None, resolver=book, timeout_seconds=5)
    try:
        source = await loader.fetch(url, conditions=Conditions(), max_bytes=0)
    finally:
        await loader.close()
    assert isinstance(source, Source)
    return source.data


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "127.0.0.2"],  # noqa: S104
)
async def test_this_machine_is_closed_by_default_under_all_its_names(origin: Origin, host: str) -> None:
    with pytest.raises(SourceAddressForbidden) as raised:
        await fetched(f"http://{host}:{origin.port}/", allow_loopback=False)

    assert (raised.value.status, raised.value.public) == (404, "Invalid source URL")
    assert origin.hosts == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_this_machine_opens_with_the_setting(origin: Origin, host: str) -> None:
    assert await fetched(f"http://{host}:{origin.port}/") == b"body"


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "10.0.0.1", "[fd00::1]", "[::ffff:10.0.0.1]"])
async def test_an_address_in_the_url_is_guarded(host: str) -> None:
    with pytest.raises(SourceAddressForbidden):
        await fetched(f"http://{host}/")


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["10.0.0.1", "169.254.0.1", "fd00::1"]])
async def test_a_name_with_closed_addresses_only_is_forbidden(addresses: list[str]) -> None:
    with pytest.raises(SourceAddressForbidden):
        await fetched("http://inner.test/", Book(inner=[addresses]))


@pytest.mark.parametrize("addresses", [["10.0.0.1", "127.0.0.1"], ["127.0.0.1", "fd00::1", "10.0.0.1"]])
async def test_a_name_with_open_addresses_too_is_reached_by_those(origin: Origin, addresses: list[str]) -> None:
    assert await fetched(f"http://mixed.test:{origin.port}/", Book(mixed=[addresses])) == b"body"


async def test_a_name_whose_open_address_does_not_answer_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed_port = listener.getsockname()[1]

    with pytest.raises(SourceError) as raised:
        await fetched(f"http://mixed.test:{closed_port}/", Book(mixed=[["10.0.0.1", "127.0.0.1", "fd00::1"]]))

    assert raised.value.public == "Source is unreachable"


async def test_a_name_is_looked_up_once_and_what_was_checked_is_dialled(origin: Origin) -> None:
    """A name that changes its address between a check and a second look-up gains nothing: there is no second."""
    book = Book(rebinding=[["127.0.0.1"], ["10.0.0.1"]])

    assert await fetched(f"http://rebinding.test:{origin.port}/", book) == b"body"

    assert book.asked == ["rebinding.test"]


async def test_a_redirect_to_a_name_with_a_closed_address_is_forbidden(origin: Origin) -> None:
    book = Book(outer=[["127.0.0.1"]], inner=[["169.254.169.254"]])

    with pytest.raises(SourceAddressForbidden):
        await fetched(f"http://outer.test:{origin.port}/to/inner.test", book)

    assert origin.hosts == ["outer.test"]


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f.1", "0177.0.0.1", "127.0.0.1."])
async def test_a_number_for_a_host_is_not_even_looked_up(origin: Origin, host: str) -> None:
    book = Book()

    with pytest.raises(SourceError) as raised:
        await fetched(f"http://{host}:{origin.port}/", book)

    assert (raised.value.public, book.asked) == ("Source is unreachable", [])


async def test_a_name_that_nobody_knows_is_unreachable() -> None:
    with pytest.raises(SourceError) as raised:
        await fetched("http://unknown.test/", Book(unknown=[[]]))

    assert raised.value.public == "Source is unreachable"


async def test_raw_streams_are_guarded_too(origin: Origin) -> None:
    loader = HttpLoader(SourceSettings(), check_source=lambda _: None)

    with pytest.raises(SourceAddressForbidden):
        await loader.stream(f"http://127.0.0.1:{origin.port}/", RawRequest())

    await loader.close()
    assert origin.hosts == []


async def test_the_loader_itself_reads_no_proxies_from_the_environment(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")

    assert await fetched(f"http://127.0.0.1:{origin.port}/") == b"body"
