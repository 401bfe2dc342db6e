"""Broker hosts: what may be entered. Which addresses may be dialled is decided in
`domain/link/addresses.py`.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

MAX_LENGTH = 253  # characters of a name in ASCII form (RFC 1035, 2.3.4, without the final dot)

Address = IPv4Address | IPv6Address

_LABEL = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", re.ASCII
)  # `_`: container names have it
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*", re.ASCII)


class HostError(ValueError):
    """`str(error)` says what is wrong with the host and how to mend it."""


def validate_host(host: str) -> str:
    """The host in the form to dial: lower case, names with other letters as punycode. Raises
    HostError.
    """
    if not host:
        raise HostError(
            "The host is empty. Enter a name such as broker.example.com or an IP address."
        )
    if len(host) > MAX_LENGTH:
        raise HostError(
            f"The host is {len(host)} characters long. Names have at most {MAX_LENGTH}."
        )
    literal = _literal(host)
    if literal:
        return str(literal)
    return _name(host)


def _literal(host: str) -> Address | None:
    if host.startswith("[") and host.endswith("]"):
        text = host[1:-1]
    else:
        text = host
    try:
        return ip_address(text)
    except ValueError:
        return None


def _name(host: str) -> str:
    _explain_common_slips(host)
    try:
        name = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise _no_name(host) from None
    labels = name.split(".")
    if len(name) > MAX_LENGTH or not all(_LABEL.fullmatch(label) for label in labels):
        raise _no_name(host)
    if _NUMERIC.fullmatch(labels[-1]):  # resolvers read 127.1 and 0x7f000001 as addresses
        raise HostError(
            f"'{host[:80]}' is no complete IP address. Write it as four numbers, such as 192.0.2.10."
        )
    return name


def _no_name(host: str) -> HostError:
    rule = "Each part has 1 to 63 letters, digits or hyphens, with no hyphen at its ends."
    return HostError(f"'{host[:80]}' is no host name. {rule}")


def _explain_common_slips(host: str) -> None:
    slips = (
        (
            "://" in host,
            "Leave out the scheme such as mqtt://: enter only the host; port and TLS have their own fields.",
        ),
        (any(char.isspace() for char in host), "A host has no spaces. Remove them."),
        ("/" in host, "A host has no slash. Enter only the host, without a path."),
        ("@" in host, "A host has no '@'. User name and password have their own fields."),
        (
            ":" in host,
            "A host has no colon unless it is an IPv6 address. The port has its own field.",
        ),
        (
            ".." in host or host.startswith("."),
            "A part between two dots of the host is empty. Check its spelling.",
        ),
        (host.endswith("."), "The host ends with a dot. Remove it."),
    )
    for applies, text in slips:
        if applies:
            raise HostError(text)
