"""The stages of a test of a connection, and the verdict on each. Pure.

settings ─► look-up ─► tcp ─► proxy ─► tls ─► connect ─► subscribe ─► message ─► parser ─► flags ─► row

The first that fails ends the test: those behind it are `skipped`.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from mqtt_app.domain.link.answers.reason_codes import reason_of
from mqtt_app.domain.link.disclosure import error_in_general
from mqtt_app.domain.link.failures import LinkFailure
from mqtt_app.domain.masking import masked

LONGEST = 400  # characters of one piece of evidence
MOST_EVIDENCE = 40  # pieces of one stage


class ProbeStage(StrEnum):
    SETTINGS = "settings"
    LOOK_UP = "look-up"
    TCP = "tcp"
    PROXY = "proxy"
    TLS = "tls"
    CONNECT = "connect"
    SUBSCRIBE = "subscribe"
    MESSAGE = "message"
    PARSER = "parser"
    FLAGS = "flags"
    ROW = "row"


STAGES = tuple(ProbeStage)
ON_THE_WAY = STAGES[1:6]
"""Stages that show what is at an address: look-up to CONNECT."""


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class StageResult(msgspec.Struct, frozen=True):
    """`seconds`: how long it took. `summary` is a sentence, and so is `remedy`, which every failed
    stage has. `error_class` is that of a `LinkFailure`, "" where nothing failed.
    """

    stage: ProbeStage
    verdict: Verdict
    summary: str
    seconds: float = 0.0
    evidence: tuple[str, ...] = ()
    remedy: str = ""
    error_class: str = ""


_OTHERWISE = {
    ProbeStage.SETTINGS: "Correct the settings of the connection.",
    ProbeStage.LOOK_UP: "Check the broker's host, and the name server of this machine.",
    ProbeStage.TCP: "Check host, port and firewalls.",
    ProbeStage.PROXY: "Check the proxy.",
    ProbeStage.TLS: "Check the port and the certificates.",
    ProbeStage.CONNECT: "Look into the broker's log.",
    ProbeStage.SUBSCRIBE: "Look into the broker's log.",
}
_NO_REMEDY = (
    "The broker says:",
    "It names ",
    "It said:",
)  # how a last sentence begins that is none


def failed(
    stage: ProbeStage, failure: LinkFailure, evidence: Iterable[str] = (), hint: str = ""
) -> StageResult:
    """The words of the failure, parted in what happened and what to do. `hint` goes behind the
    remedy.
    """
    summary, remedy = parted(failure)
    remedy = remedy or _OTHERWISE.get(stage, "See Sitewire's log.")
    if hint:
        remedy = f"{remedy} {hint}"
    return StageResult(
        stage,
        Verdict.FAILED,
        summary,
        evidence=tuple(evidence),
        remedy=remedy,
        error_class=failure.kind,
    )


def parted(failure: LinkFailure) -> tuple[str, str]:
    """What happened, and what to do: "" where the failure says nothing of that."""
    message = failure.message
    if failure.broker_code is not None:
        remedy = reason_of(failure.broker_code).remedy
        return message.removesuffix(f" {remedy}") if remedy else message, remedy
    before, found, last = message.rpartition(". ")
    if not found or last.startswith(_NO_REMEDY):
        return message, ""
    return f"{before}.", last


def skipped(stages: Iterable[ProbeStage], why: str) -> tuple[StageResult, ...]:
    return tuple(StageResult(stage, Verdict.SKIPPED, why) for stage in stages)


def without(result: StageResult, secrets: Sequence[str]) -> StageResult:
    """With these secrets masked, and no longer than it may be stored."""
    evidence = tuple(masked(piece, secrets)[:LONGEST] for piece in result.evidence[:MOST_EVIDENCE])
    return msgspec.structs.replace(
        result,
        summary=masked(result.summary, secrets)[: 2 * LONGEST],
        evidence=evidence,
        remedy=masked(result.remedy, secrets)[: 2 * LONGEST],
    )


def progress(results: Sequence[StageResult]) -> int:
    """How many stages are done, for everybody: on the way to the broker it stands still, since how
    far a test is says what is there.
    """
    if len(results) <= STAGES.index(ProbeStage.CONNECT):
        return min(len(results), 1)
    return len(results)


def in_general(results: Sequence[StageResult]) -> tuple[StageResult, ...]:
    """As they are shown to those who must not look into the network that Sitewire runs in: no
    evidence, and the stages on the way to the broker as one, without its time.
    """
    on_the_way = [result for result in results if result.stage in ON_THE_WAY]
    before = [_plain(result) for result in results if result.stage is ProbeStage.SETTINGS]
    behind = [_plain(result) for result in results if result.stage in STAGES[6:]]
    return (*before, *_way(on_the_way), *behind)


def _way(results: Sequence[StageResult]) -> tuple[StageResult, ...]:
    broken = next((result for result in results if result.verdict is Verdict.FAILED), None)
    if broken is not None:
        return (_general(broken, ProbeStage.CONNECT),)
    if not results or results[-1].stage is not ProbeStage.CONNECT:
        return ()  # how far it is says what is there
    last = results[-1]
    if last.verdict is Verdict.SKIPPED:
        return (StageResult(ProbeStage.CONNECT, Verdict.SKIPPED, last.summary),)
    return (StageResult(ProbeStage.CONNECT, Verdict.OK, "The broker accepts the connection."),)


def _plain(result: StageResult) -> StageResult:
    if result.verdict is Verdict.FAILED and result.error_class:
        return _general(result, result.stage)
    if result.stage is ProbeStage.SUBSCRIBE:
        return msgspec.structs.replace(result, seconds=0.0)
    return msgspec.structs.replace(result, evidence=(), seconds=0.0)


def _general(result: StageResult, stage: ProbeStage) -> StageResult:
    said = error_in_general(result.error_class, result.summary)
    remedy = "Ask whoever runs Sitewire for the details, or check the settings of the connection."
    return StageResult(stage, Verdict.FAILED, said, remedy=remedy, error_class=result.error_class)
