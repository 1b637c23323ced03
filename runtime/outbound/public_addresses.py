"""Which addresses the server may fetch from: public ones, and those of FETCH_ALLOWED_NETWORKS.

The rest is what only this host or its network reaches: a URL that somebody registered must not lead there.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from django.conf import settings

Address = IPv4Address | IPv6Address

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All other IPv6 is reserved, local or multicast (RFC 4291, section 2.4)."""
NAT64 = IPv6Network("64:ff9b::/96")
SPECIAL = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"), IPv6Network("3fff::/20"))
"""Special by IANA's registries, though some Pythons take them for global."""


def may_fetch_from(address: Address) -> bool:
    if any(address in network for network in settings.FETCH_ALLOWED_NETWORKS):
        return True
    if carried := _carried(address):
        return all(may_fetch_from(inner) for inner in carried)
    return _is_public(address)


def _carried(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 one stands for: packets to it end up there."""
    if isinstance(address, IPv4Address):
        return ()
    if address in NAT64:
        return (IPv4Address(int(address) & 0xFFFF_FFFF),)
    single = address.ipv4_mapped or address.sixtofour
    return (single,) if single else address.teredo or ()


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    if address.is_multicast or any(address in network for network in SPECIAL):
        return False
    return address.is_global
