"""What a link reports about itself: the status for the row, and a log row for people."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec

from mqtt_app.domain.link.answers.capabilities import BrokerCapabilities
from mqtt_app.domain.link.connection_config import ConnectionConfig, LinkStatus
from mqtt_app.domain.link.disclosure import LOST
from mqtt_app.domain.link.failures import NETWORK, LinkFailure
from mqtt_app.domain.link.state import Link
from mqtt_app.domain.link.trouble.memory import LinkMemory
from mqtt_app.domain.masking import masked
from mqtt_app.models import ConnectionStatus, LogLevel
from mqtt_app.mqtt.connection_log_writer import ConnectionLogWriter
from mqtt_app.mqtt.status_writer import StatusWriter


class LinkKnowledge(msgspec.Struct, frozen=True):
    """`capabilities` None: as stored, or none are known."""

    capabilities: BrokerCapabilities | None
    memory: LinkMemory


_UNEXPLAINED = LinkFailure(NETWORK, "The link broke.")


class LinkReporter:
    """`knowledge`: what is known of the broker, to be stored with each status."""

    def __init__(
        self,
        statuses: StatusWriter,
        connection_log: ConnectionLogWriter,
        knowledge: Callable[[], LinkKnowledge],
    ) -> None:
        self._knowledge = knowledge
        self._statuses = statuses
        self._connection_log = connection_log

    def connecting(self, config: ConnectionConfig, link: Link) -> None:
        if link.failure is None:  # otherwise the last error stays to be seen until the link is up
            status = LinkStatus(ConnectionStatus.CONNECTING, retry_count=link.retries)
            self._statuses.report_status(config, status)

    def connected(self, config: ConnectionConfig, link: Link, at: float) -> None:
        """`at` is unix seconds."""
        status = LinkStatus(
            ConnectionStatus.CONNECTED,
            connected_at=datetime.fromtimestamp(at, UTC),
            negotiated_version=link.version,
            capabilities=self._knowledge().capabilities,
            memory=self._knowledge().memory,
        )
        self._statuses.report_status(config, status)
        text = f"Successfully connected to {config.host}:{config.port}"
        self._connection_log.write(config, LogLevel.INFO, text)

    def failed(self, config: ConnectionConfig, link: Link) -> None:
        failure = self._report_error(config, link)
        self._connection_log.write(config, LogLevel.ERROR, failure.message, link.retries)

    def lost(self, config: ConnectionConfig, link: Link) -> None:
        failure = self._report_error(config, link)
        self._connection_log.write(config, LogLevel.WARNING, f"{LOST}{failure.message}")

    def subscribed(self, config: ConnectionConfig, refusals: Mapping[str, str]) -> None:
        """Filter -> why it was refused, "" when it was granted."""
        for name, why in sorted(refusals.items()):
            if why:
                text = f"The broker refused the subscription to {name} ({why})"
                self._connection_log.write(config, LogLevel.ERROR, text)

    def disconnected(self, config: ConnectionConfig, _link: Link) -> None:
        self._connection_log.write(config, LogLevel.INFO, "Disconnected cleanly")

    def replaced(self, config: ConnectionConfig) -> None:
        """The status belongs to the new owner; what happened here is logged all the same."""
        text = f"The owner of generation {config.generation} was replaced; it has closed its link"
        self._connection_log.write(config, LogLevel.WARNING, text)

    def _report_error(self, config: ConnectionConfig, link: Link) -> LinkFailure:
        """A broker, or a library, may repeat in its reason what we sent to it."""
        failure = link.failure or _UNEXPLAINED
        message = masked(failure.message, config.secrets)
        failure = msgspec.structs.replace(failure, message=message)
        status = LinkStatus(
            ConnectionStatus.ERROR,
            failure.kind,
            failure.message,
            link.retries,
            memory=self._knowledge().memory,
        )
        self._statuses.report_status(config, status)
        return failure
