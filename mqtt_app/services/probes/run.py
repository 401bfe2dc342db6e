"""Works off one test of a connection. Called in a process that may wait for brokers."""

import logging
import secrets
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction
from django.utils import timezone

from mqtt_app.conf import config
from mqtt_app.domain.link.connection_config import ConnectionConfig, Filter
from mqtt_app.domain.operations import OPEN, OperationKind, OperationState
from mqtt_app.domain.probe.heard import Heard
from mqtt_app.domain.probe.stages import (
    STAGES,
    StageResult,
    Verdict,
    progress,
    skipped,
    without,
)
from mqtt_app.models import MqttConnection, Operation, Site
from mqtt_app.models.fields import UndecryptableError
from mqtt_app.mqtt.link.guard import installed_guard
from mqtt_app.mqtt.probe.dialing import ProbeTools
from mqtt_app.mqtt.probe.engine import Probe
from mqtt_app.services.operations.requests import publish
from mqtt_app.services.ownership.configs import configs_from
from mqtt_app.services.probes import aftermath
from mqtt_app.services.probes.heard import survey
from mqtt_app.services.probes.requests import end

log = logging.getLogger(__name__)

Report = Callable[[StageResult], None]
GONE = "The connection was removed before it was tested."
ILLEGIBLE = "The connection's password or key cannot be decrypted. Enter it again."
BROKEN_OFF = "The test was broken off by a fault of Sitewire, which is in its log. Ask again."
NOTHING_SAVED = "Nothing is stored by a test of settings."


def run(operation_id: UUID, tools: ProbeTools | None = None) -> None:
    """Nothing happens to one that was taken already."""
    operation = _take(operation_id)
    if operation is None:
        return
    results: list[StageResult] = []
    try:
        problem = _work(operation, results, tools)
    except Exception:
        log.exception("A test of a connection failed")
        problem = BROKEN_OFF
    failed = next((result for result in results if result.verdict is Verdict.FAILED), None)
    error = problem or (f"{failed.summary} {failed.remedy}" if failed else "")
    state = OperationState.FAILED if error else OperationState.SUCCEEDED
    error_class = failed.error_class if failed and not problem else ""
    end(operation_id, state, timezone.now(), error=error, error_class=error_class)


def explain(site: Site, report: Report, tools: ProbeTools | None = None) -> bool:
    """Test a site's connection in this process; whether nothing failed. Raises
    MqttConnection.DoesNotExist.
    """
    row = MqttConnection.objects.select_related("site").get(site=site)
    return _explain(row, report, tools)


def tools_of_installation() -> ProbeTools:
    knobs = config()
    return ProbeTools(installed_guard(knobs), knobs.maximum_packet_size, knobs.bind_address)


def _take(operation_id: UUID) -> Operation | None:
    with transaction.atomic():
        rows = Operation.objects.filter(pk=operation_id, state=OperationState.PENDING)
        if not rows.update(state=OperationState.RUNNING.value):
            return None
        operation = Operation.objects.defer("sealed").get(pk=operation_id)
        publish(operation)
    return operation


def _work(operation: Operation, results: list[StageResult], tools: ProbeTools | None) -> str:
    """What kept the test from being made, "" when nothing did."""

    def report(result: StageResult) -> None:
        results.append(result)
        _store(operation, results)

    try:
        if operation.kind == OperationKind.TEST:
            heard = _test(_config_of(operation.sealed), _listen_of(operation), report, tools)
            if heard is not None:
                _store_heard(operation, heard)
        else:
            row = MqttConnection.objects.select_related("site").get(site=operation.site_id)
            _explain(row, report, tools)
    except MqttConnection.DoesNotExist:
        return GONE
    except UndecryptableError:
        return ILLEGIBLE
    return ""


def _store(operation: Operation, results: list[StageResult]) -> None:
    operation.result = {"stages": msgspec.to_builtins(results)}
    operation.done = progress(results)
    with transaction.atomic():
        rows = Operation.objects.filter(pk=operation.pk, state__in=OPEN)
        if rows.update(result=operation.result, done=operation.done):
            publish(operation)


def _test(
    tested: ConnectionConfig, listen: float, report: Report, tools: ProbeTools | None
) -> Heard | None:
    """What was heard; None where nobody asked to listen, or a stage failed."""
    probe = Probe(tested, tools or tools_of_installation(), report, listen)
    findings = probe.run(timezone.now())
    if findings.has_failed:
        return None
    report(without(aftermath.parser(findings.messages, ""), tested.secrets))
    for result in skipped(STAGES[-2:], NOTHING_SAVED):
        report(result)
    if not listen:
        return None
    return findings.heard


def _explain(row: MqttConnection, report: Report, tools: ProbeTools | None) -> bool:
    """The same test of the stored settings, with what is known of the running link."""
    (stored,) = configs_from([row])
    tested = msgspec.structs.replace(stored, client_id=_client_id())
    known = aftermath.known_of(row)
    verdicts: list[Verdict] = []

    def tell(result: StageResult) -> None:
        said = without(known.added_to(result), tested.secrets)
        verdicts.append(said.verdict)
        report(said)

    findings = Probe(tested, tools or tools_of_installation(), tell).run(timezone.now())
    if not findings.has_failed:
        tell(aftermath.parser(findings.messages, row.site.time_zone))
        tell(aftermath.flags(row))
        tell(aftermath.row(row.site))
    return Verdict.FAILED not in verdicts


def _listen_of(operation: Operation) -> float:
    given: dict[str, Any] = msgspec.json.decode(operation.sealed)
    return float(given.get("listen", 0))


def _store_heard(operation: Operation, heard: Heard) -> None:
    operation.result = {**operation.result, "heard": survey(heard, timezone.now().timestamp())}
    Operation.objects.filter(pk=operation.pk, state__in=OPEN).update(result=operation.result)


def _config_of(sealed: str) -> ConnectionConfig:
    given: dict[str, Any] = msgspec.json.decode(sealed)
    row = MqttConnection(**given["settings"])
    return ConnectionConfig(
        id=0,
        site_id=0,
        site_name="",
        generation=0,
        config_version=0,
        host=row.broker_host,
        port=row.broker_port,
        username=row.username,
        password=row.password,
        use_tls=row.use_tls,
        tls_ca=row.tls_ca_certificate,
        tls_client_certificate=row.tls_client_certificate,
        tls_client_key=row.tls_client_key,
        tls_verify=row.tls_verify,
        protocol_version=row.protocol_version,
        negotiated_version="",
        client_id=_client_id(),
        keepalive=row.keepalive,
        filters=tuple(Filter(name, 1) for name in given["filters"]),
        retry_count=0,
    )


def _client_id() -> str:
    """Of its own, so that no broker takes the test for the running link; 23 characters at most, as
    old brokers want it.
    """
    return f"{config().client_id_prefix[:12]}-t{secrets.token_hex(4)}"
