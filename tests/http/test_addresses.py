"""The addresses that a source may not have: each class, under its switch, where the connection is made."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import RawTestServer

from renderer.errors import SourceAddressForbidden, SourceError
from renderer.settings.proxies import ProxySettings
from renderer.settings.sources import SourceSettings
from renderer.sources.registry import open_sources
from renderer.sources.source import RawRequest, Source

LOOPBACK = "allow_loopback_source_addresses"
LINK_LOCAL = "allow_link_local_source_addresses"
PRIVATE = "allow_private_source_addresses"
SWITCHES = (LOOPBACK, LINK_LOCAL, PRIVATE)

PLAIN = {
    LOOPBACK: ["127.0.0.1", "127.255.255.254", "0.0.0.0", "::1", "::"],  # noqa: S104  as a source
    LINK_LOCAL: ["169.254.169.254", "169.254.170.2", "169.254.0.1", "224.0.0.1", "fe80::1", "febf::1", "ff02::1"],
    PRIVATE: [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.254",
        "192.168.0.1",
        "100.64.0.1",
        "100.127.255.254",
        "fc00::1",
        "fdff::1",
    ],
}
INSIDE = {LOOPBACK: "127.0.0.1", LINK_LOCAL: "169.254.169.254", PRIVATE: "100.64.0.1"}


def forms_of(address: str) -> Iterator[str]:
    """The IPv6 addresses that carry an IPv4 address."""
    octets = IPv4Address(address).packed
    inverted = bytes(byte ^ 0xFF for byte in octets)
    for packed in (
        bytes(10) + b"\xff\xff" + octets,  # mapped
        bytes(12) + octets,  # compatible
        bytes(8) + b"\xff\xff\0\0" + octets,  # translated
        b"\x20\x02" + octets + bytes(10),  # 6to4
        b"\0\x64\xff\x9b" + bytes(8) + octets,  # NAT64
        b"\0\x64\xff\x9b\0\1" + octets[:2] + b"\0" + octets[2:] + bytes(5),  # local NAT64
        b"\0\x64\xff\x9b\0\1\x08\x08\0\x08\x08\0" + octets,  # local NAT64 with a 96-bit prefix
        b"\x20\x01\0\0" + bytes(8) + inverted,  # Teredo
        b"\x20\x01\x0d\xb8" + bytes(4) + b"\0\0\x5e\xfe" + octets,  # ISATAP
        b"\x20\x01\x0d\xb8" + bytes(4) + b"\2\0\x5e\xfe" + octets,  # ISATAP, unique
    ):
        yield str(IPv6Address(packed))


TABLE = [
    *((address, switch) for switch, addresses in PLAIN.items() for address in addresses),
    *((form, switch) for switch, address in INSIDE.items() for form in forms_of(address)),
]
METADATA = ["fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"]
"""Private by their network, and credentials of the machine by what answers there: both switches govern them."""

NUMBERS = [
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0X7F000001",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0177.0.0.1",
    "127.0.0.0x1",
    "0xa9.0xfe.0xa9.0xfe",
    "0251.0376.0251.0376",
    "2852039166",
    "127.0.0.1.",
    "0",
    "1.2.3.4.5",
    "127。1",
    "0x7f。1",
]


def written(address: str) -> str:
    """The address as a URL has it."""
    return f"[{address}]" if ":" in address else address


def only_open(*switches: str) -> dict[str, bool]:
    """These classes open, the others closed."""
    return {switch: switch in switches for switch in SWITCHES}


def all_but(*switches: str) -> dict[str, bool]:
    """These classes closed, the others open."""
    return {switch: switch not in switches for switch in SWITCHES}


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
        answers = self.answers.get(host.partition(".")[0])
        if answers is None:
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
            for address in (answers.pop(0) if len(answers) > 1 else answers[0])
        ]

    async def close(self) -> None:
        """Nothing to close."""


@dataclass
class Origin:
    """An origin on this machine that is also a proxy; it answers `body` and redirects `/to/URL` to the URL."""

    base: str = ""
    targets: list[str] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Notes the request target: of a proxy it is a whole URL."""
        self.targets.append(request.raw_path)
        _, is_redirect, location = request.raw_path.partition("/to/")
        if is_redirect:
            return web.Response(status=302, headers={"Location": location})
        return web.Response(body=b"body")


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    """The origin, listening."""
    origin = Origin()
    async with RawTestServer(origin.handle) as server:
        origin.base = f"http://127.0.0.1:{server.port}"
        yield origin


async def fetched(url: str, switches: dict[str, bool], *, book: Book | None = None, proxy: str = "") -> bytes:
    """What fresh sources bring."""
    sources = open_sources(
        SourceSettings(**switches),  # type: ignore[arg-type]
        check_source=lambda _: None,
        resolver=book,
        proxies=ProxySettings(http=proxy),
    )
    try:
        source = await sources.fetch(url)
    finally:
        await sources.close()
    assert isinstance(source, Source)
    return source.data


async def refused(url: str, switches: dict[str, bool], **others: object) -> None:
    """Fails unless the address of the URL is forbidden."""
    with pytest.raises(SourceAddressForbidden) as raised:
        await fetched(url, switches, **others)  # type: ignore[arg-type]
    assert (raised.value.status, raised.value.public) == (404, "Invalid source URL")


@pytest.mark.parametrize(("address", "switch"), TABLE)
async def test_an_address_is_refused_under_its_switch(address: str, switch: str) -> None:
    await refused(f"http://{written(address)}:9/", all_but(switch))
    await refused("http://name.test:9/", all_but(switch), book=Book(name=[[address]]))


@pytest.mark.parametrize("address", METADATA)
@pytest.mark.parametrize("switch", [LINK_LOCAL, PRIVATE])
async def test_addresses_of_credentials_are_refused_under_both_switches(address: str, switch: str) -> None:
    await refused(f"http://[{address}]:9/", all_but(switch))


@pytest.mark.parametrize(("address", "switch"), TABLE)
async def test_a_redirect_to_an_address_is_refused_under_its_switch(origin: Origin, address: str, switch: str) -> None:
    """The redirect comes through a proxy, so that it can come although loopback addresses are closed."""
    url = f"http://open.test/to/http://{written(address)}:9/"
    book = Book(open=[["192.0.2.1"]])

    await refused(url, all_but(switch), book=book, proxy=origin.base)

    assert len(origin.targets) == 1


@pytest.mark.parametrize(("address", "switch"), TABLE)
async def test_behind_a_proxy_an_address_is_refused_and_let_through_by_its_switch(
    origin: Origin, address: str, switch: str
) -> None:
    """What is let through reaches the proxy, what is refused does not; this machine's own never go to a proxy."""
    # Versions of Python write the last one differently.
    own = ("127.0.0.1", "127.255.255.254", "::1", str(ip_address("::ffff:127.0.0.1")))
    is_direct = switch == LOOPBACK and address in own
    for host, book in ((written(address), Book()), ("name.test", Book(name=[[address]]))):
        await refused(f"http://{host}/", all_but(switch), book=book, proxy=origin.base)
        assert origin.targets == []

        if not is_direct:
            assert await fetched(f"http://{host}/", only_open(switch), book=book, proxy=origin.base) == b"body"
            assert origin.targets.pop() == f"http://{host}/"


async def test_every_address_is_let_through_by_its_switch_alone_and_refused_without_it() -> None:
    """In a network namespace where every address is this machine, so that dialling goes nowhere else."""
    cases = [
        (written(address), switches) for address, switch in TABLE for switches in (only_open(switch), all_but(switch))
    ]

    outcomes = in_namespace(cases)

    # Multicast and link-local addresses without an interface are dialled, but they are no TCP peers.
    unreachable = {"224.0.0.1", "[fe80::1]", "[febf::1]", "[ff02::1]"}
    expected = [
        ("failed" if host in unreachable else "reached") if index % 2 == 0 else "forbidden"
        for index, (host, _) in enumerate(cases)
    ]
    assert dict(zip(map(str, cases), outcomes, strict=True)) == dict(zip(map(str, cases), expected, strict=True))


def in_namespace(cases: list[tuple[str, dict[str, bool]]]) -> list[str]:
    """What becomes of each fetch where all addresses are local."""
    unshare, ip = shutil.which("unshare"), shutil.which("ip")
    if unshare is None or ip is None:
        pytest.skip("there is no `unshare` or no `ip` to make a network namespace with")
    routes = f"{ip} link set lo up && {ip} route add local 0.0.0.0/0 dev lo && {ip} -6 route add local ::/0 dev lo"
    enter = [unshare, "--map-root-user", "--net", "sh", "-c"]
    tried = subprocess.run([*enter, routes], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no network namespace can be made here: {tried.stderr.strip()}")
    script = Path(__file__).with_name("fetch_in_namespace.py")
    run = subprocess.run(
        [*enter, f'{routes} && exec "$0" "$@"', sys.executable, str(script)],
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found: list[str] = json.loads(run.stdout)
    return found


async def test_of_two_addresses_only_the_open_one_is_dialled(origin: Origin) -> None:
    port = origin.base.rpartition(":")[2]
    for addresses in (["169.254.169.254", "127.0.0.1"], ["127.0.0.1", "169.254.169.254"]):
        book = Book(two=[addresses])
        assert await fetched(f"http://two.test:{port}/", only_open(LOOPBACK), book=book) == b"body"

    await refused("http://two.test:9/", only_open(), book=Book(two=[["169.254.169.254", "10.0.0.1"]]))


async def test_behind_a_proxy_one_closed_address_of_two_refuses(origin: Origin) -> None:
    for addresses in (["169.254.169.254", "192.0.2.1"], ["192.0.2.1", "169.254.169.254"]):
        await refused("http://two.test/", only_open(), book=Book(two=[addresses]), proxy=origin.base)

    assert origin.targets == []


async def test_a_name_that_changes_its_address_is_looked_up_once_for_check_and_connection(origin: Origin) -> None:
    port = origin.base.rpartition(":")[2]
    book = Book(rebinding=[["127.0.0.1"], ["169.254.169.254"]])

    assert await fetched(f"http://rebinding.test:{port}/", only_open(LOOPBACK), book=book) == b"body"
    await refused(f"http://rebinding.test:{port}/", only_open(LOOPBACK), book=book)

    assert book.asked == ["rebinding.test"] * 2


async def test_behind_a_proxy_every_request_is_checked_anew(origin: Origin) -> None:
    book = Book(rebinding=[["192.0.2.1"], ["169.254.169.254"]])

    assert await fetched("http://rebinding.test/", only_open(), book=book, proxy=origin.base) == b"body"
    await refused("http://rebinding.test/", only_open(), book=book, proxy=origin.base)

    assert len(origin.targets) == 1


@pytest.mark.parametrize("is_proxied", [False, True])
@pytest.mark.parametrize("host", NUMBERS)
async def test_a_number_for_a_host_is_not_looked_up(origin: Origin, host: str, *, is_proxied: bool) -> None:
    book = Book()

    with pytest.raises(SourceError) as raised:
        await fetched(f"http://{host}/", all_but(), book=book, proxy=origin.base if is_proxied else "")

    assert (type(raised.value), raised.value.status, raised.value.public) == (SourceError, 404, "Source is unreachable")
    assert (book.asked, origin.targets) == ([], [])


@pytest.mark.parametrize("host", ["１２７.0.0.1", "127。0。0。1", "①②⑦.⓪.⓪.①"])
async def test_digits_of_other_scripts_are_an_address_and_guarded(host: str) -> None:
    await refused(f"http://{host}:9/", all_but(LOOPBACK), book=Book())


async def test_a_redirect_to_a_number_is_not_followed(origin: Origin) -> None:
    book = Book()

    with pytest.raises(SourceError, match="malformed"):
        await fetched(f"{origin.base}/to/http://2130706433/", all_but(), book=book)

    assert book.asked == []


async def test_raw_streams_are_refused_too(origin: Origin) -> None:
    for proxy in ("", origin.base):
        sources = open_sources(
            SourceSettings(), check_source=lambda _: None, proxies=ProxySettings(http=proxy), resolver=Book()
        )
        with pytest.raises(SourceAddressForbidden):
            await sources.stream("http://169.254.169.254/latest/meta-data/", RawRequest())
        await sources.close()

    assert origin.targets == []
