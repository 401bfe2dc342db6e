"""What is shown of a test, to whom, and how a failure's words are parted."""

from collections.abc import Sequence

import pytest

from mqtt_app.domain.link.answers.broker_words import BrokerWords
from mqtt_app.domain.link.failures import BROKER, NETWORK, TLS, LinkFailure, refusal
from mqtt_app.domain.probe.stages import (
    STAGES,
    ProbeStage,
    StageResult,
    Verdict,
    failed,
    in_general,
    parted,
    progress,
    skipped,
    without,
)

CANARY = "10.1.2.3 speaks HTTP"


def until(stage: ProbeStage, failure: LinkFailure) -> list[StageResult]:
    """Everything is well up to this stage, which fails."""
    number = STAGES.index(stage)
    well = [
        StageResult(name, Verdict.OK, CANARY, seconds=1.0, evidence=(CANARY,))
        for name in STAGES[:number]
    ]
    behind = skipped(STAGES[number + 1 :], "Not tried: an earlier stage failed.")
    return [*well, failed(stage, failure, [CANARY]), *behind]


@pytest.mark.parametrize("stage", STAGES[1:6])
def test_stages_on_the_way_are_one_for_those_who_must_not_look_inside(stage: ProbeStage) -> None:
    shown = in_general(until(stage, LinkFailure(NETWORK, f"{CANARY}. Do this.")))
    assert [result.stage for result in shown] == [STAGES[0], *STAGES[5:]]
    connect = shown[1]
    assert connect.verdict is Verdict.FAILED
    assert connect.summary == "The broker cannot be reached."
    assert connect.error_class == NETWORK
    assert connect.seconds == 0.0
    assert connect.remedy
    assert CANARY not in str(shown[1:])


@pytest.mark.parametrize("number", range(1, 6))
def test_how_far_a_test_is_on_the_way_is_not_shown(number: int) -> None:
    results = until(ProbeStage.CONNECT, LinkFailure(TLS, CANARY))[:number]
    assert [result.stage for result in in_general(results)] == [ProbeStage.SETTINGS]
    assert progress(results) == 1


def test_progress_counts_from_connect_on() -> None:
    results = until(ProbeStage.MESSAGE, LinkFailure(BROKER, CANARY))
    assert progress([]) == 0
    assert progress(results[:6]) == 6
    assert progress(results) == len(STAGES)


def test_a_failure_behind_the_way_keeps_its_class_alone() -> None:
    results = until(ProbeStage.SUBSCRIBE, LinkFailure(BROKER, f"{CANARY}. Do this."))
    shown = in_general(results)
    assert shown[1].verdict is Verdict.OK
    assert shown[2].summary == "The broker does not accept the connection."
    assert CANARY not in str(shown[1:])


@pytest.mark.parametrize(
    ("failure", "summary", "remedy"),
    [
        (LinkFailure(NETWORK, "It is so. Do this."), "It is so.", "Do this."),
        (LinkFailure(NETWORK, "It is so."), "It is so.", ""),
        (
            refusal(0x87, BrokerWords("No. Never.")),
            'The broker refused access: not authorized. The broker says: "No. Never.".',
            "Check user name, password and client id.",
        ),
        (refusal(0x8B), "The broker is shutting down.", ""),
        (
            LinkFailure(BROKER, 'It is so. The broker says: "x".'),
            'It is so. The broker says: "x".',
            "",
        ),
    ],
)
def test_a_failure_is_parted_in_what_happened_and_what_to_do(
    failure: LinkFailure, summary: str, remedy: str
) -> None:
    assert parted(failure) == (summary, remedy)


@pytest.mark.parametrize("stage", STAGES)
def test_every_failed_stage_says_what_to_do(stage: ProbeStage) -> None:
    assert failed(stage, LinkFailure(NETWORK, "It is so.")).remedy
    hinted = failed(stage, LinkFailure(NETWORK, "It is so. Do this."), hint="Or that.")
    assert hinted.remedy == "Do this. Or that."


def test_secrets_are_masked_wherever_they_are() -> None:
    secret = "a-long-secret"
    said = StageResult(STAGES[0], Verdict.FAILED, secret, evidence=(secret,), remedy=secret)
    assert secret not in str(without(said, [secret]))


def test_results_are_bounded() -> None:
    long: Sequence[str] = ["x" * 10_000] * 1_000
    said = without(StageResult(STAGES[0], Verdict.OK, long[0], evidence=tuple(long)), [])
    assert len(str(said)) < 20_000
