"""What the settings of a connection show before anything is dialled. Pure."""

from collections.abc import Iterator
from datetime import datetime

from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.link.failures import CONFIGURATION, LinkFailure
from mqtt_app.domain.link.hosts import HostError, validate_host
from mqtt_app.domain.link.pem import PemError, check_dates
from mqtt_app.domain.probe.stages import ProbeStage, StageResult, Verdict, failed

TLS_PORTS = frozenset({8883, 8884, 443})
PLAIN_PORTS = frozenset({1883, 80})


def judge_settings(config: ConnectionConfig, now: datetime) -> StageResult:
    wrong = _fault(config, now)
    if wrong:
        return failed(ProbeStage.SETTINGS, LinkFailure(CONFIGURATION, wrong), _evidence(config))
    doubts = list(_doubts(config))
    if doubts:
        return StageResult(
            ProbeStage.SETTINGS,
            Verdict.WARNING,
            doubts[0][0],
            evidence=(*_evidence(config), *(said for said, _ in doubts[1:])),
            remedy=doubts[0][1],
        )
    summary = "The settings can work."
    return StageResult(ProbeStage.SETTINGS, Verdict.OK, summary, evidence=_evidence(config))


def _fault(config: ConnectionConfig, now: datetime) -> str:
    try:
        validate_host(config.host)
        for pem in (config.tls_ca, config.tls_client_certificate):
            if pem and config.use_tls:
                check_dates(pem, now)
    except (HostError, PemError) as error:
        return str(error)
    return ""


def _doubts(config: ConnectionConfig) -> Iterator[tuple[str, str]]:
    """What is unusual, and what to do about it."""
    if config.use_tls and config.port in PLAIN_PORTS:
        yield f"Port {config.port} is seldom one for TLS, and TLS is on.", "Is it the right port?"
    if not config.use_tls and config.port in TLS_PORTS:
        yield f"Port {config.port} is mostly one for TLS, and TLS is off.", "Turn on TLS."
    if config.use_tls and not config.tls_verify:
        yield (
            "The broker's certificate is not verified: anyone in between can read and alter everything.",
            "Turn on the verification, with the broker's CA certificate if it has one of its own.",
        )
    if config.password and not config.use_tls:
        yield (
            "The password crosses the network unencrypted.",
            "Turn on TLS where the broker has it.",
        )
    if config.password and not config.username:
        yield "There is a password and no user name.", "Enter the user name that it belongs to."


def _evidence(config: ConnectionConfig) -> tuple[str, ...]:
    tls = "with TLS" if config.use_tls else "without TLS"
    access = f"user name {config.username!r}" if config.username else "no user name"
    access += ", a password" if config.password else ", no password"
    if config.tls_client_certificate and config.use_tls:
        access += ", a client certificate"
    filters = f"{len(config.filters)} topic filters" if config.filters else "no topic filter"
    return (
        f"{config.host}:{config.port} {tls}, {access}, {filters}",
        f"client id of this test: {config.client_id}",
    )
