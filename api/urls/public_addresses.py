"""The address guard of pictures that are fetched by their URL: public addresses, and the classes that settings open.

The renderer's guard closes three classes and lets through whatever is in none of them. An upload's URL comes from
outside and its answer is kept, so here what is left must be public as well. The tables are those of IANA's registries
of special-purpose addresses (RFC 6890); Python's own `is_global` differs between its patch releases.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Final

from api.settings import UploadSettings
from renderer.errors import SourceAddressForbidden
from renderer.settings.sources import SourceSettings
from renderer.sources.guard import Address, AddressClass, AddressGuard, address_classes

_NOT_PUBLIC_4: Final = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "192.0.0.0/24",  # of protocols; 192.0.0.192 tells machines of Oracle's cloud their credentials
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",  # some clouds have inner networks there
    )
)
_UNICAST_6: Final = IPv6Network("2000::/3")
_NOT_PUBLIC_6: Final = tuple(IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
_NAT64: Final = IPv6Network("64:ff9b::/96")


class PublicGuard(AddressGuard):
    """Lets public addresses pass, and those of `settings.allow_addresses`."""

    def __init__(self, settings: UploadSettings) -> None:
        super().__init__(_sources(settings))

    def check(self, address: Address) -> None:
        """Raises SourceAddressForbidden if the address is of a closed class, or of none and not public."""
        super().check(address)
        if not address_classes(address) and not is_public(address):
            raise SourceAddressForbidden(f"Source address {address} is not allowed: not public")


def is_public(address: Address) -> bool:
    """Whether the address is one of the public network's; IPv4 addresses in IPv6 are, if at all, behind NAT64."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    if address in _NAT64:
        return is_public(IPv4Address(address.packed[12:]))
    return address in _UNICAST_6 and not any(address in network for network in _NOT_PUBLIC_6)


def _sources(settings: UploadSettings) -> SourceSettings:
    is_open = set(settings.allow_addresses).__contains__
    return SourceSettings(
        allow_loopback_source_addresses=is_open(AddressClass.LOOPBACK.value),
        allow_link_local_source_addresses=is_open(AddressClass.LINK_LOCAL.value),
        allow_private_source_addresses=is_open(AddressClass.PRIVATE.value),
    )
