"""Brokers that do not work, all tried side by side: each has its one sentence, and what to do."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from mqtt_app.domain.link.connection_config import ConnectionConfig, Filter
from mqtt_app.domain.probe.stages import STAGES, StageResult, Verdict
from mqtt_app.mqtt.probe.deadline import ProbeTimeouts
from mqtt_app.mqtt.probe.dialing import ProbeTools
from mqtt_app.mqtt.probe.engine import Probe
from project.local.processes.ports import free_port
from tests.brokers import CertificateAuthority
from tests.fakes.broken_brokers import BROKEN
from tests.fakes.broken_brokers.made import Broken, World

AT_ONCE = 16
TIMEOUTS = ProbeTimeouts(
    look_up=1.5, tcp=1.5, tls=2.5, connack=1.5, suback=1.5, message=1.0, total=25.0
)
PLAIN = ConnectionConfig(
    id=0,
    site_id=0,
    site_name="",
    generation=0,
    config_version=0,
    host="127.0.0.1",
    port=0,
    username="plant",
    password="canary-password",
    use_tls=False,
    tls_ca="",
    tls_client_certificate="",
    tls_client_key="",
    tls_verify=True,
    protocol_version="auto",
    negotiated_version="",
    client_id="sitewire-t0",
    keepalive=60,
    filters=(Filter("plant/#", 1),),
    retry_count=0,
)


def tried(case: Broken, world: World) -> tuple[StageResult, ...]:
    server = case.make(world)
    try:
        port = server.port if server is not None else free_port()
        values: dict[str, Any] = {"port": port, **case.config, **case.settings(world)}
        tested = msgspec.structs.replace(PLAIN, **values)
        tools = ProbeTools(
            lambda *_: case.refused, 1_000_000, resolve=case.resolve, timeouts=TIMEOUTS
        )
        told: list[StageResult] = []
        findings = Probe(tested, tools, told.append).run(timezone.now())
        assert tuple(told) == findings.results
        return findings.results
    finally:
        if server is not None:
            server.stop()


@pytest.fixture(scope="module")
def found(
    tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority
) -> dict[str, tuple[StageResult, ...]]:
    other = CertificateAuthority(tmp_path_factory.mktemp("other"), "Another CA")
    server = authority.server()
    worlds = [World(tmp_path_factory.mktemp("case"), authority, other, server) for _ in BROKEN]
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(tried, BROKEN, worlds))
    assert time.monotonic() - began < 60
    return {case.name: result for case, result in zip(BROKEN, results, strict=True)}


def test_there_are_enough_of_them_and_each_has_a_name() -> None:
    assert len({case.name for case in BROKEN}) == len(BROKEN) >= 40


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_a_broken_broker_has_its_one_sentence(
    case: Broken, found: dict[str, tuple[StageResult, ...]]
) -> None:
    results = found[case.name]
    result = next(result for result in results if result.stage is case.stage)
    assert result.summary.startswith(case.says), results
    assert result.verdict is case.verdict
    assert result.error_class == case.error_class
    assert result.remedy
    assert result.remedy.startswith(case.remedy)
    failed = [result.stage for result in results if result.verdict is Verdict.FAILED]
    assert failed == ([case.stage] if case.verdict is Verdict.FAILED else [])
    if failed:
        assert tuple(result.stage for result in results) == STAGES
    assert "canary" not in str(results)
