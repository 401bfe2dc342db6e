"""Who is behind a reverse proxy. A forwarding header counts only from a proxy that the installation
names. Pure.

`X-Forwarded-For` grows to the right: each proxy appends the address that it was called from.
Whatever stands left of the first address that is no proxy of ours was written by the caller, and is
worth nothing.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*",
    re.I,
)
_SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """The proxies that an installation names: networks (an address is one of its own), and names to
    look up.
    """

    networks: tuple[Network, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    """Who made a request: `address` as text; `scheme` is http or https, None where no trusted proxy
    says it.
    """

    address: str
    scheme: str | None = None


def parse_proxies(entries: Iterable[str]) -> TrustedProxies:
    """Addresses, networks in CIDR form and host names. Raises ValueError with what is wrong and how
    to mend it.
    """
    networks: list[Network] = []
    names: list[str] = []
    for entry in entries:
        network = _network(entry)
        if network is not None:
            networks.append(network)
        elif _is_name(entry):
            names.append(entry.lower())
        else:
            raise ValueError(f"{entry!r} is not an address, a network (10.0.0.0/24) or a host name")
    return TrustedProxies(tuple(networks), tuple(names))


def is_trusted(address: str, networks: Sequence[Network]) -> bool:
    found = parse_address(address)
    return found is not None and any(
        found.version == network.version and found in network for network in networks
    )


def client_of(
    peer: str,
    forwarded_for: Sequence[str],
    forwarded_proto: Sequence[str],
    networks: Sequence[Network],
) -> Client:
    """`peer` is who holds the TCP connection; the others are all values of both headers, in their
    order.
    """
    if not is_trusted(peer, networks):
        return Client(normal(peer))
    return Client(
        _first_stranger(peer, _values(forwarded_for), networks), _scheme(_values(forwarded_proto))
    )


def normal(address: str) -> str:
    """One spelling for one address: an IPv4 client of an IPv6 socket is an IPv4 client, and zones
    are left out.
    """
    found = parse_address(address)
    if found is None:
        return address
    return str(found)


def parse_address(text: str) -> Address | None:
    """An address as headers and sockets have it: plain, with a port, in brackets, with a zone, IPv4
    inside IPv6.
    """
    try:
        found = ip_address(_without_port(text.strip()).partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
    else:
        mapped = None
    return mapped or found


def _first_stranger(peer: str, hops: Sequence[str], networks: Sequence[Network]) -> str:
    """From the right, the first address that is no proxy of ours. Behind something unreadable
    nothing is believed.
    """
    client = normal(peer)
    for hop in reversed(hops):
        if parse_address(hop) is None:
            return client
        client = normal(hop)
        if not is_trusted(hop, networks):
            return client
    return client


def _scheme(values: Sequence[str]) -> str | None:
    """The last one is what our own proxy saw; those before it came with the request."""
    if values:
        scheme = values[-1].lower()
    else:
        scheme = ""
    if scheme in _SCHEMES:
        return scheme
    return None


def _values(headers: Sequence[str]) -> list[str]:
    return [part.strip() for header in headers for part in header.split(",") if part.strip()]


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    if text.count(":") == 1:
        return text.partition(":")[0]
    return text


def _network(entry: str) -> Network | None:
    try:
        network = ip_network(entry, strict=False)
    except ValueError:
        return None
    if network.prefixlen == 0:
        raise ValueError(
            f"{entry!r} trusts everybody, who could then claim any address; name the proxies themselves"
        )
    return network


def _is_name(entry: str) -> bool:
    """Not what only looks like an address: a last label of digits is a mistyped one."""
    return bool(_NAME.fullmatch(entry)) and not entry.rpartition(".")[2].isdigit()
