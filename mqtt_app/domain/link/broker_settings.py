"""The settings that say where a broker may be: read into a policy, or what is wrong with them."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from urllib.parse import urlsplit

from mqtt_app.domain.link.addresses import AddressPolicy, Network, Private, opens_nothing
from mqtt_app.domain.link.hosts import HostError, validate_host

ALLOW = "SITEWIRE_BROKER_ALLOW"
PRIVATE = "SITEWIRE_BROKER_PRIVATE"
OWN = "SITEWIRE_OWN_SERVICES"

Service = tuple[str, int]
"""Host and port of a service of our own."""


def policy_of(allow: Iterable[str], private: str) -> AddressPolicy:
    """Raises ValueError where `problems` has something to say."""
    entries = [_entry(entry) for entry in allow]
    networks = tuple(entry for entry in entries if not isinstance(entry, str))
    names = frozenset(entry for entry in entries if isinstance(entry, str))
    return AddressPolicy(networks, names, Private(private))


def problems(allow: Iterable[str], private: str, own: Iterable[str]) -> Iterator[str]:
    """A sentence for each entry or value that cannot be meant, which names it and says how to mend
    it.
    """
    for entry in allow:
        try:
            _entry(entry)
        except HostError as error:
            yield f"{ALLOW}: {error}"
    if private not in set(Private):
        yield f"{PRIVATE} is {private!r}; set it to {', '.join(Private)}."
    for entry in own:
        try:
            service_of(entry)
        except ValueError:
            yield f"{OWN}: {entry!r} is not a host and a port. Write it as web:8000 or [::1]:8000."


def useless(allow: Iterable[str]) -> list[str]:
    """Entries of a valid allow-list that open nothing."""
    return [
        entry
        for entry in allow
        if not isinstance(network := _entry(entry), str) and opens_nothing(network)
    ]


def service_of(entry: str) -> Service:
    """`host:port`. Raises ValueError."""
    parts = urlsplit(f"//{entry}")
    if not (parts.hostname and parts.port) or parts.path or parts.query or parts.username:
        raise ValueError(entry)
    return parts.hostname, parts.port


def _entry(text: str) -> Network | str:
    try:
        return ip_network(text)
    except ValueError:
        pass
    if "/" in text and "://" not in text:
        raise HostError(_bad_network(text))
    if "*" in text:
        raise HostError(f"{text!r} has a wildcard. List each name by itself.")
    try:
        return validate_host(text)
    except HostError as error:
        raise HostError(
            f"{text!r} is neither a network such as 10.1.0.0/16 nor a host name. {error}"
        ) from None


def _bad_network(text: str) -> str:
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        return f"{text!r} is not a network. Write it as an address and the length of its prefix, such as 10.1.0.0/16."
    return f"{text!r} has bits set beyond its prefix. Write {meant}, or the address alone."
