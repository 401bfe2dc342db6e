"""What becomes of the messages of a connection: parser, flags, rows; and what its running link
knows.
"""

from collections.abc import Sequence

import msgspec
from django.utils import timezone

from mqtt_app.domain.link.packets import Publish
from mqtt_app.domain.probe.stages import ProbeStage, StageResult, Verdict
from mqtt_app.models import DiscoveredTopic, MqttConnection, MqttTopic, Site, SiteBooks
from mqtt_app.parsers.base import Message
from mqtt_app.selectors.status.facets import SiteStatus
from mqtt_app.selectors.status.sites import site_status
from mqtt_app.services.parser_trial import try_message

SHOWN = 20  # topics
RECENT = 600.0  # s since the last message of the running link, within which it counts as arriving


class KnownLink(msgspec.Struct, frozen=True):
    """`facts` are evidence by stage. `last_message_age` in seconds, None when there was none."""

    facts: dict[ProbeStage, tuple[str, ...]]
    last_message_age: float | None = None

    def added_to(self, result: StageResult) -> StageResult:
        if result.verdict is Verdict.SKIPPED:
            return result
        evidence = (*result.evidence, *self.facts.get(result.stage, ()))
        age = self.last_message_age
        silent = result.stage is ProbeStage.MESSAGE and result.verdict is Verdict.WARNING
        if silent and age is not None and age < RECENT:
            summary = (
                f"{result.summary} The running link received its last message {age:.0f} s ago."
            )
            return msgspec.structs.replace(
                result, verdict=Verdict.OK, summary=summary, evidence=evidence, remedy=""
            )
        return msgspec.structs.replace(result, evidence=evidence)


def known_of(row: MqttConnection) -> KnownLink:
    status = site_status(row.site)
    return KnownLink(
        {
            ProbeStage.SETTINGS: (f"the site is {status.headline}",),
            ProbeStage.CONNECT: _of_link(status),
            ProbeStage.SUBSCRIBE: tuple(_of_filter(topic) for topic in _filters(row)),
        },
        status.flow.last_message_age,
    )


def _of_link(status: SiteStatus) -> tuple[str, ...]:
    since = status.link.connected_since
    if status.status == "connected" and since is not None:
        return (f"the running link is connected since {since:%Y-%m-%d %H:%M} UTC",)
    error = status.link.last_error
    if error is not None and error.message:
        return (f"the running link said: {error.message}",)
    return ("the running link is not connected",)


def _filters(row: MqttConnection) -> Sequence[MqttTopic]:
    return list(MqttTopic.objects.filter(connection=row, is_active=True).order_by("id")[:SHOWN])


def _of_filter(topic: MqttTopic) -> str:
    if topic.refusal:
        return f"running link: {topic.filter} is refused: {topic.refusal}"
    if topic.matched_at is not None:
        return f"running link: {topic.filter} last matched {topic.matched_at:%Y-%m-%d %H:%M} UTC"
    return f"running link: {topic.filter} has matched no message yet"


def parser(messages: Sequence[Publish], time_zone: str) -> StageResult:
    """Which parsers take what came."""
    stage = ProbeStage.PARSER
    if not messages:
        return StageResult(stage, Verdict.SKIPPED, "No message came that could be parsed.")
    now = timezone.now().timestamp()
    by_topic = {message.topic: message for message in messages}
    evidence: list[str] = []
    unclaimed: list[str] = []
    unreadable: list[str] = []
    for topic, came in list(by_topic.items())[:SHOWN]:
        trial = try_message(Message(topic, came.payload, now, came.retain, time_zone))
        if not trial.claims:
            unclaimed.append(topic)
            evidence.append(f"{topic}: no parser takes it")
        elif trial.error is not None:
            unreadable.append(topic)
            evidence.append(f"{topic}: {trial.claims[0].parser} cannot read it: {trial.error}")
        else:
            evidence.append(f"{topic}: {trial.claims[0].parser}, {len(trial.facts)} facts")
    without_parser = len(unclaimed) + len(unreadable)
    total = min(len(by_topic), SHOWN)
    if not without_parser:
        word = "topic" if total == 1 else "topics"
        summary = f"A parser takes each of {total} {word}."
        return StageResult(stage, Verdict.OK, summary, evidence=tuple(evidence))
    return StageResult(
        stage,
        Verdict.FAILED if without_parser == total else Verdict.WARNING,
        f"No parser reads {without_parser} of {total} topics.",
        evidence=tuple(evidence),
        remedy="Compare the payloads with the formats in docs/parsers, or install a parser for them.",
    )


def flags(row: MqttConnection) -> StageResult:
    """Whether a person switched something off on the way."""
    topics = DiscoveredTopic.objects.filter(connection=row, retired_at=None)
    waiting = topics.filter(is_processable=True, is_active=False, is_ignored=False).count()
    ignored = topics.filter(is_ignored=True).count()
    evidence = (
        f"{waiting:,} topics wait for approval or are switched off, {ignored:,} are ignored by a rule",
    )
    if not row.site.is_active:
        said, remedy = "The site is switched off.", "Switch it on: its is_active is false."
    elif not row.is_active:
        said, remedy = "The link is switched off: nobody asked for it.", "Press Start."
    elif topics.filter(is_active=True, is_processable=True).exists() or not waiting:
        said, remedy = "", ""
    else:
        said, remedy = "Every topic is switched off.", "Approve the topics that wait."
    if said:
        return StageResult(ProbeStage.FLAGS, Verdict.FAILED, said, evidence=evidence, remedy=remedy)
    if waiting:
        return StageResult(
            ProbeStage.FLAGS,
            Verdict.WARNING,
            f"{waiting:,} topics are switched off.",
            evidence=evidence,
            remedy="Approve those that are wanted.",
        )
    return StageResult(ProbeStage.FLAGS, Verdict.OK, "Nothing is switched off.", evidence=evidence)


def row(site: Site) -> StageResult:
    """Whether what arrived became rows."""
    books = SiteBooks.objects.filter(site=site).first()
    if books is None or not books.received:
        return StageResult(
            ProbeStage.ROW,
            Verdict.WARNING,
            "The running link has received nothing yet.",
            remedy="Start it, and wait for the first message.",
        )
    evidence = (
        f"{books.received:,} received: {books.stored:,} stored, {books.inactive:,} inactive, "
        f"{books.unprocessable:,} without a parser, {books.failed:,} failed, {books.kept:,} kept",
        f"{books.readings:,} readings",
    )
    if books.readings:
        summary = f"{books.readings:,} readings are stored."
        return StageResult(ProbeStage.ROW, Verdict.OK, summary, evidence=evidence)
    return StageResult(
        ProbeStage.ROW,
        Verdict.FAILED,
        f"{books.received:,} messages arrived, and no reading is stored.",
        evidence=evidence,
        remedy="See the parsing log of the site for what became of them.",
    )
