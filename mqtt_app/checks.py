"""System checks: relations between the knobs that must hold for the ownership protocol to be safe."""

import ipaddress
from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register

from mqtt_app.conf import Config, config
from mqtt_app.domain.link.broker_settings import problems, useless
from mqtt_app.domain.status.headline import EVIDENCE_STALE

SettingRule = tuple[int, bool, str, str]
"""Number, whether it holds, what is wrong, what to do."""


@register()
def check_constants(**_: Any) -> list[CheckMessage]:
    return [
        Error(text, hint=hint, id=f"sitewire.E{number:03}")
        for number, text, hint in violations(config())
    ]


@register()
def check_brokers(**_: Any) -> list[CheckMessage]:
    """Where brokers may be. Settings from the environment are checked before Django starts, too."""
    return broker_messages(config())


def broker_messages(c: Config) -> list[CheckMessage]:
    wrong = list(problems(c.broker_allow, c.broker_private, c.own_services))
    if wrong:
        return [Error(text, id="sitewire.E020") for text in wrong]
    return [
        Warning(
            f"SITEWIRE_BROKER_ALLOW: {entry!r} opens nothing.",
            hint="Public addresses need no entry. List networks within the range that is refused, such as "
            "10.1.0.0/16 or 127.0.0.0/8; metadata addresses and Sitewire's own services stay closed.",
            id="sitewire.W021",
        )
        for entry in useless(c.broker_allow)
    ]


def _is_address(text: str) -> bool:
    try:
        return not text or bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _is_network(text: str) -> bool:
    try:
        return bool(ipaddress.ip_network(text))
    except ValueError:
        return False


def violations(c: Config) -> list[tuple[int, str, str]]:
    """(number, what is wrong, what to do) for each broken relation."""
    rules = (*_of_ownership(c), *_of_links(c), *_of_entrances(c))
    return [(number, text + ".", hint) for number, holds, text, hint in rules if not holds]


def _of_ownership(c: Config) -> list[SettingRule]:
    return [
        (
            1,
            c.lease_renew * 3 <= c.lease_act,
            "lease_renew must be at most a third of lease_act",
            "Lower SITEWIRE_LEASE_RENEW.",
        ),
        (
            2,
            c.lease_act < c.lease_ttl,
            "lease_act must be below lease_ttl",
            "A worker has to stop before another may start.",
        ),
        (
            3,
            c.scan_interval <= c.lease_ttl,
            "scan_interval must not exceed lease_ttl",
            "Lower SITEWIRE_SCAN_INTERVAL.",
        ),
        (
            4,
            c.drain_timeout < c.force_after,
            "drain_timeout must be below force_after",
            "Raise SITEWIRE_FORCE_AFTER.",
        ),
    ]


def _of_links(c: Config) -> list[SettingRule]:
    return [
        (
            5,
            c.backoff_base <= c.backoff_cap,
            "backoff_base must not exceed backoff_cap",
            "Raise SITEWIRE_BACKOFF_CAP.",
        ),
        (
            6,
            c.batch_bytes < c.pending_bytes,
            "batch_bytes must be below pending_bytes",
            "Raise SITEWIRE_PENDING_BYTES.",
        ),
        (
            7,
            c.evidence_interval * 3 <= c.evidence_ttl,
            "evidence_interval must be at most a third of evidence_ttl",
            "Raise SITEWIRE_EVIDENCE_TTL.",
        ),
        (
            8,
            _is_address(c.bind_address),
            "bind_address is not an IP address",
            "Set SITEWIRE_BIND_ADDRESS to an address of this machine, or leave it empty.",
        ),
        (
            9,
            c.evidence_interval * 2 <= EVIDENCE_STALE,
            f"evidence_interval must be at most half of {EVIDENCE_STALE:.0f} s, or healthy links are called stale",
            "Lower SITEWIRE_EVIDENCE_INTERVAL.",
        ),
        (
            23,
            c.maximum_packet_size * 2 <= c.unfinished_bytes,
            "maximum_packet_size must be at most half of unfinished_bytes, or one large packet takes the room of all",
            "Raise SITEWIRE_UNFINISHED_BYTES.",
        ),
    ]


def _of_entrances(c: Config) -> list[SettingRule]:
    return [
        (
            20,
            c.login_pause <= c.login_pause_cap,
            "login_pause must not exceed login_pause_cap",
            "Raise SITEWIRE_LOGIN_PAUSE_CAP.",
        ),
        (
            21,
            c.login_name_tries <= c.login_address_tries,
            "login_name_tries must not exceed login_address_tries, or one mistyped name locks a whole office",
            "Raise SITEWIRE_LOGIN_ADDRESS_TRIES.",
        ),
        (
            22,
            all(map(_is_network, c.health_allow)),
            "health_allow holds what is not a network",
            "Write SITEWIRE_HEALTH_ALLOW as CIDR, for instance 10.0.0.0/8 or 192.0.2.7/32.",
        ),
    ]
