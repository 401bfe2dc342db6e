"""Which addresses an MQTT worker may dial: the policy of the installation, and never its own
services.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from mqtt_app.conf import Config
from mqtt_app.domain.link.addresses import Address, AddressPolicy, judge, reached
from mqtt_app.domain.link.broker_settings import Service, policy_of, service_of
from mqtt_app.domain.link.hosts import HostError, validate_host

KNOWN_FOR = 60.0  # s; containers get other addresses when they start again
TRIED_AGAIN_AFTER = 5.0  # s, where a name of our own could not be looked up
OURS = "{address}:{port} belongs to Sitewire itself. Enter the broker's host and port."
OUR_PORT = "Port {port} belongs to Sitewire itself. Enter the broker's port."


def installed_guard(knobs: Config) -> "BrokerGuard":
    """As the settings of this installation have it."""
    services = own_services(settings.DATABASES.values(), [settings.REDIS_URL], knobs.own_services)
    policy = policy_of(knobs.broker_allow, knobs.broker_private)
    return BrokerGuard(policy, services, knobs.broker_deny_ports)


def own_services(
    databases: Iterable[Mapping[str, Any]], urls: Iterable[str], named: Iterable[str]
) -> list[Service]:
    """Those of Django's DATABASES, of Redis URLs, and of `host:port` entries."""
    found: list[Service] = []
    for database in databases:
        hosts = str(database.get("HOST") or "localhost").split(",")
        ports = str(database.get("PORT") or 5432).split(",")
        # A socket in a folder: its server may listen on this machine as well.
        found += [
            ("localhost" if host.startswith("/") else host, int(port))
            for host in hosts
            for port in ports
        ]
    for url in urls:
        parts = urlsplit(url)
        found.append((parts.hostname or "localhost", parts.port or 6379))
    return found + [service_of(entry) for entry in named]


class BrokerGuard:
    """Asked with each address that is about to be dialled, on any thread."""

    def __init__(
        self,
        policy: AddressPolicy,
        services: Iterable[Service],
        deny_ports: Iterable[int] = (),
        resolve: Callable[[str], set[Address]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._services = tuple(services)
        self._deny_ports = frozenset(deny_ports)
        self._resolve = resolve or addresses_of
        self._clock = clock
        self._own_ports = {port for _, port in self._services}
        self._looking = threading.Lock()
        self._own: dict[Service, set[Address]] = {}
        self._due = float("-inf")
        self._opened: dict[str, str] = {}

    def __call__(self, host: str, address: str, port: int) -> str:
        """Why `address`, to which `host` resolved, must not be dialled at `port`; "" when it may."""
        if port in self._deny_ports:
            return OUR_PORT.format(port=port)
        found = ip_address(address.partition("%")[0])
        if port in self._own_ports and self._is_own(address, reached(found), port):
            return OURS.format(address=found, port=port)
        verdict = judge(found, self._policy, _in_form(host))
        if verdict.opened_by:
            self._opened[host] = verdict.opened_by
        else:
            self._opened.pop(host, None)
        return verdict.refusal

    def opened_by(self, host: str) -> str:
        """The entry of the allow-list that alone lets this host be dialled, "" when it needs none."""
        return self._opened.get(host, "")

    def _is_own(self, dialled: str, addresses: set[Address], port: int) -> bool:
        if any(map(is_of_this_machine, {dialled, *map(str, addresses)})):
            return True
        self._look_up()
        return any(own_port == port and addresses & own for (_, own_port), own in self._own.items())

    def _look_up(self) -> None:
        """One thread looks; the others wait for it the first time only."""
        if not self._looking.acquire(blocking=not self._own):
            return
        try:
            if self._clock() < self._due:
                return
            fresh = {service: self._resolve(service[0]) for service in self._services}
            self._own = {
                service: fresh[service] or self._own.get(service, set())
                for service in self._services
            }
            self._due = self._clock() + (KNOWN_FOR if all(fresh.values()) else TRIED_AGAIN_AFTER)
        finally:
            self._looking.release()


def addresses_of(host: str) -> set[Address]:
    """Every address of a name; none when it has none, or no name server answers."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return set()
    return {
        address
        for *_, sockaddr in found
        for address in reached(ip_address(str(sockaddr[0]).partition("%")[0]))
    }


def is_of_this_machine(address: str) -> bool:
    """Only an address of our own can be bound to. `address` is numeric, with its zone where it has
    one.
    """
    try:
        with socket.socket(
            socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM
        ) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _in_form(host: str) -> str:
    try:
        return validate_host(host)
    except HostError:
        return host
