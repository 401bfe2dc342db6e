"""Finds the topic filters for which a broker closes the connection, and leaves them out.

Some brokers (AWS IoT Core is one) answer a filter that a client must not have by closing the link,
and with it all other filters. After two links that ended while a SUBSCRIBE was unanswered, filters
are asked for one at a time, so the next link that ends so names the one at fault. It is left out
from then on, and tried again now and then, behind all others.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from mqtt_app.domain.link.failures import BROKER, LinkFailure

CLOSES = 2  # links that ended so before filters are asked for one at a time
PAUSES = (300.0, 1_800.0, 7_200.0, 21_600.0, 86_400.0)  # s before a filter is tried again
FEW = 8  # filters in a SUBSCRIBE that every known broker takes
MOST_GUILTY = 1_000  # filters that are remembered for one connection
SHOWN = 3  # filters named in one sentence
REMEDY = "ask whoever runs the broker for the right to it, or remove it."


class Guilty(msgspec.Struct, frozen=True, array_like=True):
    """`closes`: links that the broker ended for this filter. `again_at`: unix seconds."""

    closes: int
    again_at: float


class FilterTrials(msgspec.Struct, frozen=True, omit_defaults=True):
    """`closes`: links in a row that ended while a SUBSCRIBE was unanswered. `per_packet`: filters
    that this broker takes in one SUBSCRIBE, 0 when it has shown no such limit.
    """

    closes: int = 0
    guilty: Mapping[str, Guilty] = {}
    per_packet: int = 0

    @property
    def is_singly(self) -> bool:
        return self.closes >= CLOSES


def closed(trials: FilterTrials, unanswered: Sequence[str], now: float) -> FilterTrials:
    """The link ended while these filters were asked for."""
    guilty = dict(trials.guilty)
    known = [name for name in unanswered if name in guilty]
    if len(unanswered) == 1 and (trials.is_singly or known):
        name = unanswered[0]
        closes = 1
        if known:
            closes = guilty[name].closes + 1
        pause = PAUSES[min(closes, len(PAUSES)) - 1]
        if known or len(guilty) < MOST_GUILTY:
            guilty[name] = Guilty(closes, now + pause)
    return FilterTrials(trials.closes + 1, guilty, trials.per_packet)


def answered(trials: FilterTrials, names: Iterable[str]) -> FilterTrials:
    """The broker has answered for these filters, whatever it said."""
    answered_names = trials.guilty.keys() & set(names)
    if not answered_names:
        return trials
    guilty = {name: found for name, found in trials.guilty.items() if name not in answered_names}
    return msgspec.structs.replace(trials, guilty=guilty)


def completed(trials: FilterTrials, asked: int) -> FilterTrials:
    """Every filter that was to be asked for is answered, `asked` of them on this link."""
    if not trials.closes:
        return trials
    per_packet = trials.per_packet
    if trials.is_singly and asked > 1 and not trials.guilty:
        # Each of them alone is taken: together they were too many.
        if asked > FEW and per_packet != FEW:
            per_packet = FEW
        else:
            per_packet = 1
    return FilterTrials(0, trials.guilty, per_packet)


def refused_together(trials: FilterTrials, codes: int) -> FilterTrials:
    """A SUBACK refused every one of its `codes` filters: fewer are asked for at a time."""
    if codes <= FEW or 0 < trials.per_packet <= FEW:
        return trials
    return msgspec.structs.replace(trials, per_packet=FEW)


def left_out(trials: FilterTrials, now: float) -> dict[str, str]:
    """Filter -> why it is not asked for now."""
    return {
        name: sentence_of([name]) for name, found in trials.guilty.items() if found.again_at > now
    }


def next_at(trials: FilterTrials) -> float | None:
    """When the next filter is to be tried again, unix seconds; None when none is left out."""
    return min((found.again_at for found in trials.guilty.values()), default=None)


def keep_wanted(trials: FilterTrials, wanted: Collection[str]) -> FilterTrials:
    """Without filters that are not wanted any more."""
    if trials.guilty.keys() <= set(wanted):
        return trials
    guilty = {name: found for name, found in trials.guilty.items() if name in wanted}
    return msgspec.structs.replace(trials, guilty=guilty)


def sentence_of(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:SHOWN])
    if len(names) > SHOWN:
        shown += f" and {len(names) - SHOWN} more"
    return f"the broker closes the connection when asked for {shown}"


def explain(trials: FilterTrials, unanswered: Sequence[str], failure: LinkFailure) -> LinkFailure:
    """Instead of `failure`, with which a link ended while these filters were asked for; `trials` as
    `closed` left them.
    """
    if len(unanswered) == 1 and unanswered[0] in trials.guilty:
        said = sentence_of(unanswered)
        text = (
            f"{said[0].upper()}{said[1:]}. This filter is left out for now and the others are kept: "
            f"{REMEDY}"
        )
    else:
        if len(unanswered) > 1:
            what = f"{len(unanswered)} topic filters"
        else:
            what = f"`{unanswered[0]}`"
        text = (
            f"The broker closed the connection when it was asked for {what}, before it answered. "
            "If it does so again, each filter is asked for by itself, to find the one it forbids."
        )
    if failure.broker_code is not None:
        text += f" It said: {failure.message}"
    return LinkFailure(BROKER, text, is_soon=True, broker_code=failure.broker_code)
