"""A runtime in this process, with the database and Redis replaced by memory, and everything else
real.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from mqtt_app.conf import Config
from mqtt_app.coordination.acks import BatchReport
from mqtt_app.coordination.leases import Lease, Renewal
from mqtt_app.domain.delivery.messages import Batch, unpack
from mqtt_app.domain.link.connection_config import ConnectionConfig, Filter
from mqtt_app.domain.ownership.claims import ConnectionRow, WrittenStatuses
from mqtt_app.mqtt.ports import Ports
from mqtt_app.mqtt.runtime import Runtime

FAST = {
    "scan_interval": 0.1,
    "lease_renew": 0.1,
    "lease_act": 1.0,
    "connect_timeout": 2.0,
    "connack_timeout": 1.0,
    "backoff_base": 0.2,
    "backoff_cap": 0.5,
    "refused_base": 0.5,
    "refused_cap": 1.0,
    "drain_timeout": 1.0,
    "evidence_interval": 0.2,
    "live_interval": 0.2,
}


def wait_for(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)
    return answer


def connection(number: int, port: int, **changes: Any) -> ConnectionConfig:
    values: dict[str, Any] = {
        "id": number,
        "site_id": number,
        "site_name": f"Site {number}",
        "generation": 1,
        "config_version": 1,
        "host": "127.0.0.1",
        "port": port,
        "username": "",
        "password": "",
        "use_tls": False,
        "tls_ca": "",
        "tls_client_certificate": "",
        "tls_client_key": "",
        "tls_verify": True,
        "protocol_version": "auto",
        "negotiated_version": "",
        "client_id": f"runtime-{port}-{number}",
        "keepalive": 60,
        "filters": (Filter("#", 1),),
        "retry_count": 0,
    }
    return ConnectionConfig(**(values | changes))


@dataclass
class World:
    """The database, Redis and the task workers, as far as a runtime sees them."""

    configs: dict[int, ConnectionConfig] = field(default_factory=dict)
    wanted: dict[int, bool] = field(default_factory=dict)
    owner: dict[int, str] = field(default_factory=dict)
    statuses: dict[int, dict[str, Any]] = field(default_factory=dict)
    grants: dict[int, dict[str, int]] = field(default_factory=dict)
    refusals: dict[int, dict[str, str]] = field(default_factory=dict)
    matches: dict[int, dict[str, float]] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)
    committing: bool = True
    redis_up: bool = True
    wiped: bool = False
    lease: Lease | None = None
    evidence: list[Any] = field(default_factory=list)
    assigned_to: str = "mqtt-1"

    def __post_init__(self) -> None:
        self.on_batch: Callable[[bytes], None] = self.take
        self._acks: list[BatchReport] = []
        self._woken = threading.Event()

    # services.ownership

    def rows_of(self, instance_id: str) -> list[ConnectionRow]:
        return [
            ConnectionRow(
                number,
                config.site_id,
                config.site_name,
                self.wanted[number],
                config.generation,
                self.owner.get(number, ""),
                self.assigned_to,
                0.0,
                config.config_version,
            )
            for number, config in self.configs.items()
        ]

    def claim(
        self, connection_id: int, instance_id: str, generation: int
    ) -> ConnectionConfig | None:
        config = self.configs[connection_id]
        if generation != config.generation:
            return None
        self.owner[connection_id] = instance_id
        self.configs[connection_id] = msgspec.structs.replace(config, generation=generation + 1)
        return self.configs[connection_id]

    def claim_all(self, wanted: Any, instance_id: str) -> list[ConnectionConfig]:
        found = [
            self.claim(number, instance_id, generation) for number, generation in wanted.items()
        ]
        return [config for config in found if config is not None]

    def release_all(self, held: Any, instance_id: str) -> frozenset[int]:
        for connection_id in held:
            self.owner[connection_id] = ""
            self.statuses[connection_id] = {"status": "disconnected"}
        return frozenset()

    def config_of(self, connection_id: int, generation: int) -> ConnectionConfig | None:
        config = self.configs[connection_id]
        return config if config.generation == generation else None

    def record_statuses(self, said: Any) -> WrittenStatuses:
        """As the database does: what is said of a connection that was let go meanwhile changes
        nothing.
        """
        ours = {key for key in said if self._is_owned(*key)}
        for key in ours:
            self.statuses[key[0]] = msgspec.structs.asdict(said[key])
            memory = said[key].memory or self.configs[key[0]].memory
            self.configs[key[0]] = msgspec.structs.replace(self.configs[key[0]], memory=memory)
        return WrittenStatuses(lost=frozenset(said.keys() - ours))

    def _is_owned(self, connection_id: int, generation: int) -> bool:
        is_current = self.configs[connection_id].generation == generation
        return is_current and bool(self.owner.get(connection_id))

    def record_suback_results(self, said: Any) -> int:
        for (connection_id, _), results in said.items():
            self.grants.setdefault(connection_id, {}).update(results.codes)
            self.refusals.setdefault(connection_id, {}).update(results.refusals)
            self._answered(connection_id, results.synced_version)
        return len(said)

    def _answered(self, connection_id: int, version: int) -> None:
        """As the database does: the next owner is told."""
        config = self.configs[connection_id]
        names = set(config.filter_names)
        granted = frozenset(
            name
            for name, code in self.grants[connection_id].items()
            if code < 128 and name in names
        )
        config = msgspec.structs.replace(config, granted=granted)
        if version == config.config_version:
            config = msgspec.structs.replace(
                config, subscribed_version=version, obsolete_filters=()
            )
        self.configs[connection_id] = config

    def record_matches(self, matches: Any) -> int:
        for connection_id, filters in matches.items():
            self.matches.setdefault(connection_id, {}).update(filters)
        return len(matches)

    # Redis

    def acquire(self, lease: Lease) -> bool:
        self.lease = lease
        return True

    def renew(self, lease: Lease) -> Renewal:
        if not self.redis_up:
            raise_down()
        if self.wiped:
            self.wiped = False
            return Renewal.ASSERTED
        self.lease = lease
        return Renewal.HELD

    def release(self, lease: Lease) -> bool:
        self.lease = None
        return True

    def pop(self, instance_id: str, incarnation: str, timeout: float) -> list[BatchReport]:
        if not self._acks:
            time.sleep(0.01)
        taken, self._acks = self._acks, []
        return taken

    def wait(self, timeout: float) -> bool:
        woken = self._woken.wait(timeout)
        self._woken.clear()
        return woken

    def close(self) -> None:
        pass

    def publish(self, instance_id: str, items: Any) -> None:
        self.evidence = list(items)

    def update(self, instance_id: str, items: Any) -> bool:
        known = {item.connection_id: item for item in self.evidence}
        self.evidence = list((known | {item.connection_id: item for item in items}).values())
        return bool(known)

    # The task workers

    def take(self, blob: bytes) -> None:
        batch = unpack(blob)
        self.batches.append(batch)
        if self.committing:
            self._acks.append(BatchReport(batch.id))

    def commit(self, *reports: BatchReport) -> None:
        """These, or else every batch."""
        self._acks.extend(reports or [BatchReport(batch.id) for batch in self.batches])

    @property
    def messages(self) -> list[Any]:
        return [message for batch in self.batches for message in batch.messages]

    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.messages]

    # For tests

    def add(self, config: ConnectionConfig) -> None:
        self.configs[config.id], self.wanted[config.id] = config, True

    def nudge(self) -> None:
        self._woken.set()

    def status(self, number: int) -> str:
        return str(self.statuses.get(number, {}).get("status", ""))

    def error(self, number: int) -> tuple[str, str]:
        said = self.statuses.get(number, {})
        return str(said.get("error_class", "")), str(said.get("error_message", ""))

    def runtime(
        self, guard: Callable[[str, str, int], str] = lambda *_: "", **changes: Any
    ) -> Runtime:
        resolve, opened_by = (
            changes.pop("resolve", None),
            changes.pop("opened_by", lambda _host: ""),
        )
        ports = Ports(
            on_batch=self.on_batch,
            store=self,
            leases=self,
            acks=self,
            nudges=self,
            evidence=self,
            find_receipts=lambda ids: [],
            publish_flow=lambda sites: None,
            nudge=self.nudge,
            reconcile_if_needed=reconcile_nothing,
            guard=guard,
            resolve=resolve,
            opened_by=opened_by,
        )
        return Runtime("mqtt-1", Config(**(FAST | changes)), ports)


def reconcile_nothing(now: datetime) -> None:
    pass


def raise_down() -> None:
    import redis

    raise redis.ConnectionError("down")
