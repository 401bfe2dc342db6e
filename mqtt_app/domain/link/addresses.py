"""Which addresses a broker may have. Pure; the caller says what the name resolved to, and dials
just that address.

Sitewire connects to hosts that others enter, from inside a network that trusts it. Ranges that lead
back into that network, or nowhere, are refused unless the installation lists them
(`Policy.networks`, `Policy.names`), and some are refused in any case. Sources: the IANA
special-purpose registries (RFC 6890), and each cloud's own documentation.
"""

from collections.abc import Iterable
from enum import Enum, StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import msgspec

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Private(StrEnum):
    """What becomes of addresses of private networks (RFC 1918, fc00::/7, 100.64.0.0/10)."""

    ALLOW = "allow"
    LISTED = "listed"
    REFUSE = "refuse"


class AddressPolicy(msgspec.Struct, frozen=True):
    """`names` are hosts in the form to dial: whatever they resolve to counts as listed."""

    networks: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()
    private: Private = Private.ALLOW


class AddressVerdict(msgspec.Struct, frozen=True):
    """`refusal`: why the address must not be dialled, "" when it may. `opened_by`: the entry that
    alone permits it.
    """

    refusal: str = ""
    opened_by: str = ""


class _Opening(Enum):
    NEVER = "never"
    LISTED = "listed"
    PRIVATE = "private"


class _Range(msgspec.Struct, frozen=True):
    text: str
    opening: _Opening
    networks: tuple[Network, ...]

    def __contains__(self, address: Address) -> bool:
        return _within(address, self.networks)

    def covers(self, entry: Network) -> bool:
        """An entry opens only what it means: 0.0.0.0/0 lies in no range, so it opens none of them."""
        return any(entry.version == own.version and entry.subnet_of(own) for own in self.networks)  # type: ignore[arg-type]


def _range(text: str, opening: _Opening, *networks: str) -> _Range:
    return _Range(text, opening, tuple(ip_network(network) for network in networks))


_NEVER = _Opening.NEVER
_LISTED = _Opening.LISTED
RANGES = (  # the first one that contains an address decides
    _range(
        "the metadata address of a cloud",
        _NEVER,
        "169.254.169.254",  # nearly everybody
        # AWS: DNS, time, ECS, EKS
        "169.254.169.253",
        "169.254.169.123",
        "169.254.170.2",
        "169.254.170.23",
        "fd00:ec2::/32",  # AWS: metadata, DNS, time, EKS
        "fd20:ce::254",  # Google
        "168.63.129.16",  # Azure's wire server, in the middle of public addresses
        "100.100.100.200",  # Alibaba
        "169.254.0.23",  # Tencent
        "192.0.0.192",
        "fd00:c1::a9fe:a9fe",  # Oracle
        "169.254.42.42",
        "fd00:42::42",  # Scaleway
        "fe80::a9fe:a9fe",
        "fd00:a9fe:a9fe::1",  # OpenStack, Akamai
    ),
    _range("an unspecified address", _NEVER, "0.0.0.0/8", "::"),
    _range("the broadcast address", _NEVER, "255.255.255.255"),
    _range("a multicast address", _NEVER, "224.0.0.0/4", "ff00::/8"),
    _range("a loopback address", _LISTED, "127.0.0.0/8", "::1"),
    _range("a link-local address", _LISTED, "169.254.0.0/16", "fe80::/10"),
    _range("a site-local address", _LISTED, "fec0::/10"),
    _range(
        "an address of a private network",
        _Opening.PRIVATE,
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",
        "100.64.0.0/10",
        "198.18.0.0/15",  # for benchmarks; used inside like the others
    ),
    _range(
        "a reserved address",
        _LISTED,
        "192.0.0.0/24",
        "192.88.99.0/24",
        "240.0.0.0/4",
        "2001::/23",
        "3fff::/20",
        # All of IPv6 that is neither global (2000::/3) nor one of the ranges above:
        "::/3",
        "4000::/2",
        "8000::/2",
        "c000::/3",
        "e000::/4",
        "f000::/5",
        "f800::/6",
        "fe00::/9",
    ),
)

_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: a way to IPv4 that whole networks have to take
_LOCAL_NAT64 = ip_network("64:ff9b:1::/48")  # RFC 8215
_FORMS = (
    _range("an IPv4-compatible address", _LISTED, "::/96"),
    _range("an IPv4-translated address", _LISTED, "::ffff:0:0:0/96"),
    _range("a 6to4 address", _LISTED, "2002::/16"),
    _range("a Teredo address", _LISTED, "2001::/32"),
    _range("a local NAT64 address", _LISTED, "64:ff9b:1::/48"),
)
_ISATAP = _range("an ISATAP address", _LISTED)  # of any network
_ISATAP_MARKS = (
    bytes.fromhex("00005efe"),
    bytes.fromhex("02005efe"),
)  # RFC 5214, 6.1: before the IPv4 address
_OPEN = AddressPolicy()


def opens_nothing(network: Network) -> bool:
    """A listed network that is part of no range that can be opened: everything in it is open
    anyway, or never is.
    """
    never = any(block.opening is _NEVER and block.covers(network) for block in RANGES)
    return never or not any(block.covers(network) for block in RANGES)


def judge(address: Address | str, policy: AddressPolicy = _OPEN, host: str = "") -> AddressVerdict:
    """Whether `address`, to which `host` resolved, may be dialled."""
    found = as_address(address)
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:  # the kernel speaks IPv4 then
            return _judge_plain(found.ipv4_mapped, policy, host, shown=str(found))
        if found in _NAT64:
            return _judge_plain(IPv4Address(found.packed[12:]), policy, host, shown=str(found))
        form = _form(found)
        if form is not None:
            return _judge_form(found, form, policy, host)
    return _judge_plain(found, policy, host, shown=str(found))


def as_address(address: Address | str) -> Address:
    """Without the zone that a resolver appends to a link-local address. Raises ValueError."""
    if isinstance(address, str):
        return ip_address(address.partition("%")[0])
    return address


def reached(address: Address) -> set[Address]:
    """The address, and every IPv4 address that it may stand for."""
    if isinstance(address, IPv4Address):
        return {address}
    if address.ipv4_mapped:
        mapped = {address.ipv4_mapped}
    else:
        mapped = set()
    if address in _NAT64:
        nat64 = {IPv4Address(address.packed[12:])}
    else:
        nat64 = set()
    return {address} | mapped | nat64 | (_inner(address) if _form(address) is not None else set())


def _judge_plain(address: Address, policy: AddressPolicy, host: str, shown: str) -> AddressVerdict:
    found = next((block for block in RANGES if address in block), None)
    if found is None or (found.opening is _Opening.PRIVATE and policy.private is Private.ALLOW):
        return AddressVerdict()
    entry = _entry_for(address, found, policy, host)
    closed = found.opening is _NEVER or (
        found.opening is _Opening.PRIVATE and policy.private is Private.REFUSE
    )
    if entry and not closed:
        return AddressVerdict(opened_by=entry)
    if shown == str(address):
        what = f"{address} is"
    else:
        what = f"{shown} stands for {address},"
    if closed:
        hint = ""
    else:
        hint = " SITEWIRE_BROKER_ALLOW can permit it."
    return AddressVerdict(f"{what} {found.text}, which a broker must not have here.{hint}")


def _judge_form(
    address: IPv6Address, form: _Range, policy: AddressPolicy, host: str
) -> AddressVerdict:
    """As if each IPv4 address in it were dialled, and only if one is listed: nobody has to write a
    broker's so.
    """
    verdicts = [
        _judge_plain(inner, policy, host, shown=str(address)) for inner in sorted(_inner(address))
    ]
    refused = next((verdict for verdict in verdicts if verdict.refusal), None)
    if refused is not None:
        return refused
    entry = _entry_for(address, form, policy, host) or next(
        (verdict.opened_by for verdict in verdicts if verdict.opened_by), ""
    )
    if entry:
        return AddressVerdict(opened_by=entry)
    return AddressVerdict(
        f"{address} is {form.text}, which a broker must not have here. Enter its IPv4 address."
    )


def _entry_for(address: Address, found: _Range, policy: AddressPolicy, host: str) -> str:
    if host and host in policy.names:
        return host
    fitting = (
        network
        for network in policy.networks
        if found.covers(network) and _within(address, (network,))
    )
    return str(next(fitting, ""))


def _form(address: IPv6Address) -> _Range | None:
    if address.packed[8:12] in _ISATAP_MARKS:
        return _ISATAP
    if int(address) <= 1:  # `::` and `::1` are what they are
        return None
    return next((form for form in _FORMS if address in form), None)


def _inner(address: IPv6Address) -> set[IPv4Address]:
    """The IPv4 addresses that may stand in one of these forms."""
    last = IPv4Address(address.packed[12:])
    if address.packed[8:12] in _ISATAP_MARKS:
        return {last}
    if address.sixtofour is not None:
        return {address.sixtofour}
    if address.teredo is not None:
        return set(address.teredo)
    if address in _LOCAL_NAT64:
        return _in_local_nat64(address)
    return {last}


def _in_local_nat64(address: IPv6Address) -> set[IPv4Address]:
    """RFC 6052, 2.2: where it stands depends on the length of the prefix, and byte 8 is left out.
    Zeros are no address but the rest of another one.
    """
    packed = address.packed[:8] + address.packed[9:]
    found = {IPv4Address(packed[start : start + 4]) for start in (6, 7, 8, 11)}
    return {inner for inner in found if inner.packed[0]} or found


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
