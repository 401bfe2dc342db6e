"""Which rule decides about a topic, and what follows. Pure.

Rules are asked in their order; the first whose filter matches decides alone. What it leaves open
stays as it is. `is_processable` follows from the parser alone: a rule may name one or forbid some,
it never declares a topic readable.
"""

from collections.abc import Iterable, Sequence

import msgspec

from mqtt_app.domain.topics import matches


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """`is_active` None, `parser_name` "" and no `forbidden_parsers`: says nothing about these."""

    id: int
    filter: str
    is_active: bool | None = None
    parser_name: str = ""
    forbidden_parsers: tuple[str, ...] = ()
    ignore: bool = False
    retired: bool = False


class TopicState(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule can change of a topic. `parser_name` is the parser that reads it now, "" when
    none does.
    """

    is_active: bool
    parser_name: str = ""
    pinned_parser: str = ""
    forbidden_parsers: tuple[str, ...] = ()
    is_ignored: bool = False
    is_retired: bool = False
    rule: int | None = None

    @property
    def is_processable(self) -> bool:
        return bool(self.parser_name)


class RuleEffect(msgspec.Struct, kw_only=True):
    """How many topics a set of rules would change, each way. `matched`: by any rule; `unmatched`
    keep what they are.
    """

    topics: int = 0
    matched: int = 0
    become_active: int = 0
    become_inactive: int = 0
    change_parser: int = 0
    become_ignored: int = 0
    become_retired: int = 0

    def add(self, before: TopicState, after: TopicState) -> None:
        self.become_active += after.is_active and not before.is_active
        self.become_inactive += before.is_active and not after.is_active
        self.change_parser += after.parser_name != before.parser_name
        self.become_ignored += after.is_ignored and not before.is_ignored
        self.become_retired += after.is_retired and not before.is_retired

    def sentences(self, *, done: bool) -> list[str]:
        """For people: "412 topics would become active"."""
        if done:
            verb = "became"
        else:
            verb = "would become"
        if done:
            change = "changed parser"
        else:
            change = "would change parser"
        found = [
            (self.become_active, f"{verb} active"),
            (self.become_inactive, f"{verb} inactive"),
            (self.change_parser, change),
            (self.become_ignored, f"{verb} ignored"),
            (self.become_retired, f"{verb} retired"),
        ]
        said = [f"{_topics(count)} {what}" for count, what in found if count]
        return said or ["no topic changed" if done else "no topic would change"]


def first_match(rules: Iterable[Rule], topic: str) -> Rule | None:
    return next((rule for rule in rules if matches(rule.filter, topic)), None)


def decide(rule: Rule, topic: TopicState) -> TopicState:
    """The topic as the rule wants it."""
    off = rule.ignore or rule.retired
    if rule.is_active is None:
        active = topic.is_active
    else:
        active = rule.is_active
    pinned = rule.parser_name or topic.pinned_parser
    forbidden = rule.forbidden_parsers or topic.forbidden_parsers
    return TopicState(
        is_active=active and not off,
        parser_name=reader(topic.parser_name, pinned, forbidden),
        pinned_parser=pinned,
        forbidden_parsers=forbidden,
        is_ignored=off,
        is_retired=rule.retired,
        rule=rule.id,
    )


def reader(current: str, pinned: str, forbidden: Sequence[str]) -> str:
    """Who reads a topic from now on; "" when its next message has to decide."""
    if pinned:
        return pinned
    if current in forbidden:
        return ""
    return current


def _topics(count: int) -> str:
    if count == 1:
        return "1 topic"
    return f"{count:,} topics"
