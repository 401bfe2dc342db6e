"""What the facts of a batch say of the presence of devices and gateways."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import Availability, Liveness
from mqtt_app.domain.presence import ANNOUNCED, ASLEEP, OFFLINE, ONLINE
from mqtt_app.services.ingest.devices.directory import Directory
from mqtt_app.services.ingest.parsing.facts import FactOfMessage, NamingFact
from mqtt_app.services.postgres.columns import numbers
from mqtt_app.services.postgres.statements import ask
from mqtt_app.services.presence.rows import TABLES, Kind

_LAST_SEEN = """
SELECT id, coalesce(extract(epoch FROM last_seen), 0)::float8 FROM {table}
WHERE id = ANY(%s::bigint[])
"""


class RowNews(msgspec.Struct):
    """What a batch says of one device or gateway, in unix seconds. `seen` 0.0: not heard itself.
    `at`: when the newest message about it came. `is_hint`: only retained messages say so, which may
    be older than what is known.
    """

    site_id: int
    seen: float = 0.0
    status: str = ""
    at: float = 0.0
    is_hint: bool = False

    @property
    def reason(self) -> str:
        if self.status == ONLINE:
            return ""
        return ANNOUNCED


class Death(msgspec.Struct, frozen=True):
    """Of whatever is below this identifier as well, whether it is a device itself or not."""

    site_id: int
    identifier: str
    at: float
    is_hint: bool
    is_gateway: bool


NewsByKind = dict[Kind, dict[int, RowNews]]
"""By kind and row id."""

_STATUS = {Liveness.ONLINE: ONLINE, Liveness.OFFLINE: OFFLINE, Liveness.ASLEEP: ASLEEP}


def collect(naming: Iterable[FactOfMessage[NamingFact]], directory: Directory) -> NewsByKind:
    """A retained message proves nothing about now; a retained goodbye is a hint."""
    heard: NewsByKind = {kind: {} for kind in TABLES}
    for found in naming:
        message = found.message
        fact = found.fact
        live = not message.retain
        if fact.gateway and live:
            gateway = directory.gateways[message.site_id, fact.gateway]
            _hear(heard["gateway"], gateway.id, message, ONLINE)
        if isinstance(fact, Availability):
            if live or fact.state is not Liveness.ONLINE:
                _hear_availability(heard, message, fact, directory)
        elif live:
            device = directory.devices.get((message.site_id, fact.device))
            if device is not None:
                _hear(heard["device"], device.id, message, ONLINE)
    return heard


def deaths(naming: Iterable[FactOfMessage[NamingFact]]) -> list[Death]:
    return [
        Death(
            found.message.site_id,
            found.fact.identifier,
            found.message.received_at,
            found.message.retain,
            found.fact.is_gateway,
        )
        for found in naming
        if isinstance(found.fact, Availability) and found.fact.state is Liveness.OFFLINE
    ]


def still_news(heard: NewsByKind, silence: Mapping[int, float], now: datetime) -> NewsByKind:
    """For messages that are parsed late: without those that were heard since, or whose sign of life
    is older than the silence they may keep. `silence`: s, by site id.
    """
    return {
        kind: _newer_than_known(TABLES[kind], entries, silence, now)
        for kind, entries in heard.items()
    }


def _hear_availability(
    heard: NewsByKind, message: Envelope, fact: Availability, directory: Directory
) -> None:
    """A gateway with values of its own is a device, too."""
    key = (message.site_id, fact.identifier)
    if fact.is_gateway:
        _hear(heard["gateway"], directory.gateways[key].id, message, _STATUS[fact.state])
    device = directory.devices.get(key)
    if device is not None:
        _hear(heard["device"], device.id, message, _STATUS[fact.state])


def _hear(heard: dict[int, RowNews], row_id: int, message: Envelope, status: str) -> None:
    entry = heard.get(row_id)
    if entry is None:
        entry = heard[row_id] = RowNews(message.site_id, is_hint=message.retain)
    elif message.retain and not entry.is_hint:
        return
    entry.is_hint = message.retain
    entry.status = status
    entry.at = max(entry.at, message.received_at)
    if status == ONLINE:
        entry.seen = max(entry.seen, message.received_at)


def _newer_than_known(
    table: str, heard: Mapping[int, RowNews], silence: Mapping[int, float], now: datetime
) -> dict[int, RowNews]:
    if not heard:
        return {}
    found = ask(_LAST_SEEN.format(table=table), [numbers(sorted(heard))])
    last_seen: dict[int, float] = dict(found.rows())
    return {
        row_id: entry
        for row_id, entry in heard.items()
        if last_seen.get(row_id, 0.0) < entry.at
        and (entry.status != ONLINE or now.timestamp() - entry.at < silence.get(entry.site_id, 0.0))
    }
