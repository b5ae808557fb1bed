"""Addresses: their classes in every disguise, and what the guard lets through."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from renderer.errors import SourceAddressForbidden
from renderer.settings.sources import SourceSettings
from renderer.sources.guard import AddressClass, AddressGuard, AddressRefused, GuardedResolver, address_classes

LOOPBACK, LINK_LOCAL, PRIVATE = AddressClass.LOOPBACK, AddressClass.LINK_LOCAL, AddressClass.PRIVATE

PLAIN = [
    ("127.0.0.1", LOOPBACK),
    ("127.255.255.255", LOOPBACK),
    ("0.0.0.0", LOOPBACK),  # noqa: S104  an address, nothing listens
    ("::1", LOOPBACK),
    ("::", LOOPBACK),
    ("169.254.169.254", LINK_LOCAL),
    ("224.0.0.1", LINK_LOCAL),
    ("224.0.0.255", LINK_LOCAL),
    ("fe80::1", LINK_LOCAL),
    ("fe80::1%eth0", LINK_LOCAL),
    ("febf:ffff::1", LINK_LOCAL),
    ("ff02::1", LINK_LOCAL),
    ("ff12::fb", LINK_LOCAL),
    ("10.0.0.1", PRIVATE),
    ("10.255.255.255", PRIVATE),
    ("172.16.0.1", PRIVATE),
    ("172.31.255.255", PRIVATE),
    ("192.168.1.1", PRIVATE),
    ("100.64.0.1", PRIVATE),
    ("100.127.255.255", PRIVATE),
    ("fc00::1", PRIVATE),
    ("fdff::1", PRIVATE),
]

OPEN = [
    "8.8.8.8",
    "1.1.1.1",
    "126.255.255.255",
    "128.0.0.1",
    "0.0.0.1",
    "0.255.255.255",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.1.0",
    "239.255.255.250",
    "255.255.255.255",
    "2606:4700::1111",
    "ff05::1",
    "fec0::1",
    "2002:808:808::1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1:808:8:800::",
    "::ffff:8.8.8.8",
    "2001:db8::1",
]

CARRIERS = {
    "IPv4-mapped": "::ffff:{hex}",
    "IPv4-compatible": "::{hex}",
    "IPv4-translated": "::ffff:0:{hex}",
    "6to4": "2002:{hex}::1",
    "NAT64": "64:ff9b::{hex}",
    "NAT64 for local use": "64:ff9b:1:{first}:{second_split}::",
    "NAT64 for local use with a longer prefix": "64:ff9b:1:808:8:800:{hex}",
    "Teredo": "2001:0:808:808:0:0:{inverted}",
    "ISATAP": "2606:4700::5efe:{hex}",
    "ISATAP, universal": "2606:4700::200:5efe:{hex}",
}


def carrying(form: str, inner: str) -> str:
    """An IPv6 address that carries an IPv4 address."""
    octets = ip_address(inner).packed
    inverted = bytes(octet ^ 0xFF for octet in octets)
    return form.format(
        hex=f"{octets[:2].hex()}:{octets[2:].hex()}",
        inverted=f"{inverted[:2].hex()}:{inverted[2:].hex()}",
        first=octets[:2].hex(),
        # The third byte sits behind a zero byte, the fourth begins the next group.
        second_split=f"00{octets[2:3].hex()}:{octets[3:].hex()}00",
    )


@pytest.mark.parametrize(("address", "expected"), PLAIN)
def test_an_address_is_classed_by_its_network(address: str, expected: AddressClass) -> None:
    assert address_classes(ip_address(address)) == {expected}


@pytest.mark.parametrize("address", OPEN)
def test_other_addresses_have_no_class(address: str) -> None:
    assert address_classes(ip_address(address)) == frozenset()


@pytest.mark.parametrize(
    ("inner", "expected"), [("127.0.0.1", LOOPBACK), ("169.254.169.254", LINK_LOCAL), ("10.1.2.3", PRIVATE)]
)
@pytest.mark.parametrize("form", CARRIERS.values(), ids=CARRIERS.keys())
def test_an_address_carries_the_class_of_the_ipv4_address_inside_it(
    form: str, inner: str, expected: AddressClass
) -> None:
    assert address_classes(ip_address(carrying(form, inner))) == {expected}


def test_an_address_has_the_classes_of_all_its_forms() -> None:
    assert address_classes(ip_address("fe80::5efe:10.0.0.1")) == {LINK_LOCAL, PRIVATE}
    assert address_classes(ip_address("2002:7f00:1::5efe:10.0.0.1")) == {LOOPBACK, PRIVATE}


@pytest.mark.parametrize("address", ["fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"])
def test_where_clouds_give_out_credentials_is_link_local_besides(address: str) -> None:
    assert address_classes(ip_address(address)) == {LINK_LOCAL, PRIVATE}


ADDRESS_OF = {LOOPBACK: "127.0.0.1", LINK_LOCAL: "169.254.169.254", PRIVATE: "10.0.0.1"}


def settings_with_open(opened: AddressClass | None) -> SourceSettings:
    """Settings that open one class and close the others."""
    return SourceSettings(
        allow_loopback_source_addresses=opened is LOOPBACK,
        allow_link_local_source_addresses=opened is LINK_LOCAL,
        allow_private_source_addresses=opened is PRIVATE,
    )


@pytest.mark.parametrize("opened", [None, *AddressClass])
def test_each_setting_opens_its_class_and_no_other(opened: AddressClass | None) -> None:
    guard = AddressGuard(settings_with_open(opened))

    refused = set()
    for address_class, address in ADDRESS_OF.items():
        try:
            guard.check(ip_address(address))
        except SourceAddressForbidden:
            refused.add(address_class)

    assert refused == set(AddressClass) - {opened}


def test_by_default_only_private_networks_are_open() -> None:
    guard = AddressGuard(SourceSettings())

    guard.check(ip_address("10.0.0.1"))
    for address in ("127.0.0.1", "169.254.169.254"):
        with pytest.raises(SourceAddressForbidden):
            guard.check(ip_address(address))


def test_an_address_of_two_classes_needs_both_open() -> None:
    with pytest.raises(SourceAddressForbidden, match="link-local"):
        AddressGuard(settings_with_open(PRIVATE)).check(ip_address("fe80::5efe:10.0.0.1"))


@pytest.mark.parametrize(
    ("family", "peer"),
    [
        (socket.AF_INET, ("127.0.0.1", 80)),
        (socket.AF_INET6, ("::1", 80, 0, 0)),
        (socket.AF_INET6, ("::ffff:127.0.0.1", 80, 0, 0)),
        (socket.AF_INET6, ("fe80::1%lo", 80, 0, 1)),
    ],
)
def test_no_socket_is_made_to_a_closed_address(family: socket.AddressFamily, peer: tuple[str, int]) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard(SourceSettings()).open_socket((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", peer))


def test_a_socket_to_an_open_address_is_of_the_kind_asked_for() -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("8.8.8.8", 80))

    with AddressGuard(SourceSettings()).open_socket(info) as made:
        assert (made.family, made.type) == (socket.AF_INET, socket.SOCK_STREAM)


def test_refusals_have_one_text_so_that_several_stay_one_error() -> None:
    assert str(AddressRefused()) == str(AddressRefused())
    assert isinstance(AddressRefused(), OSError)


class Book(AbstractResolver):
    """A resolver that knows what it was given."""

    def __init__(self, *addresses: str, error: Exception | None = None) -> None:
        self.addresses = addresses
        self.error = error
        self.is_closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """What it knows, whatever the name."""
        if self.error:
            raise self.error
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        """Remembers that it was closed."""
        self.is_closed = True


async def resolved(*addresses: str) -> list[str]:
    """What is left of a name's addresses under the default settings."""
    resolver = GuardedResolver(Book(*addresses), AddressGuard(SourceSettings()))
    return [result["host"] for result in await resolver.resolve("name.test", 80)]


async def test_a_name_keeps_its_allowed_addresses_in_their_order() -> None:
    assert await resolved("127.0.0.1", "8.8.8.8", "::1", "2606:4700::1111") == ["8.8.8.8", "2606:4700::1111"]


async def test_a_name_with_closed_addresses_only_is_forbidden() -> None:
    with pytest.raises(SourceAddressForbidden):
        await resolved("127.0.0.1", "fe80::1%eth0")


async def test_a_name_without_addresses_is_an_ordinary_look_up_failure() -> None:
    with pytest.raises(OSError, match="no address"):
        await resolved()


async def test_text_that_cannot_be_a_name_is_an_ordinary_look_up_failure() -> None:
    resolver = GuardedResolver(Book(error=UnicodeError("label too long")), AddressGuard(SourceSettings()))

    with pytest.raises(OSError, match="not a host name"):
        await resolver.resolve("a..b", 80)


async def test_closing_closes_the_resolver_behind_it() -> None:
    book = Book()

    await GuardedResolver(book, AddressGuard(SourceSettings())).close()

    assert book.is_closed
