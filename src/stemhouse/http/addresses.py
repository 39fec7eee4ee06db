"""Which network addresses people may make us talk to: public ones, and no others."""

from __future__ import annotations

import ipaddress
import socket

from stemhouse.errors import AddressRefused, SourceUnreachable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# IPv6 that is routed in public is all in here, less what stands for something else.
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo with an IPv4 address inside among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
    )
)
# The standard library's lists differ between patch releases: what matters is written down.
_NOT_PUBLIC_4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
)


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public Internet.

    Private, loopback, link-local (cloud metadata among them), carrier-grade NAT, multicast,
    reserved, documentation and all forms of IPv6 that carry an IPv4 address are not.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)


def resolve(host: str, port: int, *, allow_private: bool) -> list[Address]:
    """Look up a host's addresses, all of which must be allowed.

    A name with a public and a private address is refused as a whole: it has no honest use.

    Raises
    ------
    AddressRefused
        An address is not public.
    SourceUnreachable
        The name is not known.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SourceUnreachable("the host of this address is not known; check it") from error
    # A zone (fe80::1%eth0) names one of our own network cards; what is before it decides.
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not allow_private and not all(is_public(address) for address in addresses):
        raise AddressRefused(
            "this address leads into a private network; use one on the public Internet"
        )
    if not addresses:
        raise SourceUnreachable("the host of this address is not known; check it")
    return list(dict.fromkeys(addresses))
