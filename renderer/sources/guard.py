"""Which addresses a source may be fetched from, decided on the address that is dialled (spec 03 section 4.3).

Names are resolved once, forbidden addresses are struck from the answer, and the rest goes to the connector as numbers,
so a name that changes its address afterwards changes nothing. Every socket, those to addresses written in the URL
included, is made by `AddressGuard.open_socket`, which looks at the address once more: nothing is dialled past it.

Behind an outbound proxy nothing of that is dialled here. There the host is looked up and checked before each request,
and one closed address among several refuses it, because the proxy chooses among them. What cannot be closed from here:
the proxy looks the name up again, and a name that changes its address in between, or that answers the proxy otherwise
than us, gets past this check. A proxy that clients choose URLs for must refuse inner addresses itself. A name that only
the proxy can look up is unreachable unless all three classes are open, because then there is nothing to check.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult

from renderer.errors import SourceAddressForbidden, SourceUnreachable
from renderer.settings.sources import SourceSettings

Address = IPv4Address | IPv6Address


class AddressClass(Enum):
    """A group of addresses that one setting opens or closes."""

    LOOPBACK = "loopback"
    LINK_LOCAL = "link-local"
    PRIVATE = "private"


# The unspecified addresses reach this machine too, but only themselves: 0.0.0.1 is no loopback address.
_NETWORKS: Final = tuple(
    (address_class, tuple(network(block) for block in blocks.split()))
    for address_class, network, blocks in (
        (AddressClass.LOOPBACK, IPv4Network, "127.0.0.0/8 0.0.0.0/32"),
        (AddressClass.LINK_LOCAL, IPv4Network, "169.254.0.0/16 224.0.0.0/24"),
        (AddressClass.PRIVATE, IPv4Network, "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10"),
        (AddressClass.LOOPBACK, IPv6Network, "::1/128 ::/128"),
        (AddressClass.LINK_LOCAL, IPv6Network, "fe80::/10"),
        (AddressClass.PRIVATE, IPv6Network, "fc00::/7"),
        # What 169.254.169.254 is for IPv4: the metadata and credentials of AWS and Google, in a private network.
        (AddressClass.LINK_LOCAL, IPv6Network, "fd00:ec2::/32 fd20:ce::254/128"),
    )
)
_EMBEDDED: Final = tuple(
    (IPv6Network(block), places)
    for block, places in (
        ("::ffff:0:0/96", (12, 13, 14, 15)),  # IPv4-mapped
        ("::/96", (12, 13, 14, 15)),  # IPv4-compatible
        ("::ffff:0:0:0/96", (12, 13, 14, 15)),  # IPv4-translated, RFC 2765
        ("2002::/16", (2, 3, 4, 5)),  # 6to4
        ("64:ff9b::/96", (12, 13, 14, 15)),  # NAT64
        ("64:ff9b:1::/48", (6, 7, 9, 10)),  # NAT64 for local use; byte 8 is zero by RFC 6052
    )
)
_LOCAL_NAT64: Final = IPv6Network("64:ff9b:1::/48")
_TEREDO: Final = IPv6Network("2001::/32")
_ISATAP_IDENTIFIERS: Final = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")
_MULTICAST: Final = 0xFF
_LINK_LOCAL_SCOPE: Final = 2


class AddressRefused(PermissionError):
    """A socket that was not made. An OSError, because that is what the connector passes on; its text never varies.

    aiohappyeyeballs merges the errors of several addresses into a new one unless their texts are equal.
    """

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "the address is closed to sources")


def address_classes(address: Address) -> frozenset[AddressClass]:
    """Every class that the address belongs to, by itself or through an IPv4 address that it carries."""
    forms: list[Address] = [address]
    if isinstance(address, IPv6Address):
        forms.extend(_carried(address))
    return frozenset(found for form in forms for found in _own_classes(form))


def _own_classes(address: Address) -> Iterator[AddressClass]:
    for address_class, networks in _NETWORKS:
        # `in` is false, not an error, for an address of the other version.
        if any(address in network for network in networks):
            yield address_class
    if _is_link_local_multicast(address):
        yield AddressClass.LINK_LOCAL


def _is_link_local_multicast(address: Address) -> bool:
    head = address.packed
    return address.version == 6 and head[0] == _MULTICAST and head[1] & 0x0F == _LINK_LOCAL_SCOPE


def _carried(address: IPv6Address) -> Iterator[IPv4Address]:
    packed = address.packed
    for network, places in _EMBEDDED:
        if address in network:
            yield IPv4Address(bytes(packed[place] for place in places))
    last = packed[12:]
    if address in _TEREDO:
        yield IPv4Address(bytes(byte ^ 0xFF for byte in last))
    # Inside the local-use block a network may use a 96-bit prefix of its own, with the address at the end.
    if packed[8:12] in _ISATAP_IDENTIFIERS or (address in _LOCAL_NAT64 and any(last)):
        yield IPv4Address(last)


class AddressGuard:
    """The classes that the settings close."""

    def __init__(self, settings: SourceSettings) -> None:
        is_open = {
            AddressClass.LOOPBACK: settings.allow_loopback_source_addresses,
            AddressClass.LINK_LOCAL: settings.allow_link_local_source_addresses,
            AddressClass.PRIVATE: settings.allow_private_source_addresses,
        }
        self._closed = frozenset(address_class for address_class in AddressClass if not is_open[address_class])

    @property
    def is_open(self) -> bool:
        """Whether every address passes."""
        return not self._closed

    def check(self, address: Address) -> None:
        """Raises SourceAddressForbidden if any of the address's classes is closed."""
        closed = address_classes(address) & self._closed
        if closed:
            names = " and ".join(sorted(address_class.value for address_class in closed))
            raise SourceAddressForbidden(f"Source address {address} is not allowed: {names}")

    def open_socket(self, info: AddrInfoType) -> socket.socket:
        """The connector's socket factory; raises AddressRefused instead of making a socket to a closed address."""
        family, kind, protocol, _, peer = info
        try:
            self.check(ip_address(str(peer[0])))
        except SourceAddressForbidden as error:
            raise AddressRefused from error
        return socket.socket(family=family, type=kind, proto=protocol)


class GuardedResolver(AbstractResolver):
    """A resolver that answers with the allowed addresses of a name only.

    A name with none left is SourceAddressForbidden, which is no OSError and so comes through the connector as it is.
    """

    def __init__(self, resolver: AbstractResolver, guard: AddressGuard) -> None:
        self._resolver = resolver
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host` that may be dialled."""
        allowed, refused = [], None
        for result in await self._found(host, port, family):
            try:
                self._guard.check(ip_address(result["host"]))
            except SourceAddressForbidden as error:
                refused = error
            else:
                allowed.append(result)
        if not allowed:
            raise refused or OSError(f"no address for host name: {host!r}")
        return allowed

    async def check_host(self, host: str, port: int) -> None:
        """Raises SourceAddressForbidden if the host, a name or an address, has any closed address.

        Raises:
            SourceUnreachable: the host has no address.
        """
        if self._guard.is_open:
            return
        try:
            addresses = [ip_address(host)]
        except ValueError:
            try:
                found = await self._found(host, port, socket.AF_UNSPEC)
            except OSError as error:
                raise SourceUnreachable(f"Can't look the source's host up: {error}") from error
            addresses = [ip_address(result["host"]) for result in found]
        for address in addresses:
            self._guard.check(address)

    async def _found(self, host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
        try:
            return await self._resolver.resolve(host, port, family)
        except UnicodeError as error:
            # A label that is empty or over 63 bytes fails in Python's own encoding, before any look-up.
            raise OSError(f"not a host name: {host!r}") from error

    async def close(self) -> None:
        """Closes the resolver behind it."""
        await self._resolver.close()
