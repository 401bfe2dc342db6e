"""The only writer of rules for topics, and of what they decide about topics that exist.

Rules decide about new topics as these are met (`services/ingest/topics.py`), and about all others
when they are applied. Whatever a person decides about a single topic after that stays until then.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection as database
from django.db import transaction
from django.db.models import F, Max

from mqtt_app.domain.topic_rules import Rule, RuleEffect, TopicState, decide, first_match
from mqtt_app.models import DiscoveredTopic, Site, TopicRule
from mqtt_app.services import audit
from mqtt_app.services.postgres.columns import booleans, numbers, texts

CHUNK = 5_000  # topics that are read and written at once

_READ = """
SELECT t.id, t.topic, t.is_active, t.is_processable, t.parser_name, t.pinned_parser,
    t.forbidden_parsers, t.is_ignored, t.retired_at IS NOT NULL, t.rule_id
FROM mqtt_discoveredtopic t JOIN mqtt_mqttconnection c ON c.id = t.connection_id
WHERE c.site_id = %s AND t.id > %s ORDER BY t.id LIMIT %s
"""
_WRITE = """
UPDATE mqtt_discoveredtopic t SET is_active = v.is_active, is_processable = v.parser_name <> '',
    parser_name = v.parser_name, pinned_parser = v.pinned_parser,
    forbidden_parsers = string_to_array(v.forbidden, E'\\n'), is_ignored = v.is_ignored,
    retired_at = CASE WHEN v.is_retired THEN coalesce(t.retired_at, %s) END, rule_id = v.rule_id
FROM unnest(%s::bigint[], %s::bool[], %s::text[], %s::text[], %s::text[], %s::bool[], %s::bool[],
    %s::bigint[]) AS v(id, is_active, parser_name, pinned_parser, forbidden, is_ignored, is_retired,
    rule_id)
WHERE t.id = v.id
"""


class _Row(msgspec.Struct, frozen=True):
    id: int
    topic: str
    state: TopicState


def rules_of(site_id: int) -> list[Rule]:
    """In their order."""
    rows = TopicRule.objects.filter(site_id=site_id).order_by("position", "id")
    return [as_rule(row) for row in rows]


def as_rule(row: TopicRule) -> Rule:
    return Rule(
        id=row.pk or 0,
        filter=row.filter,
        is_active=row.is_active,
        parser_name=row.parser_name,
        forbidden_parsers=tuple(row.forbidden_parsers),
        ignore=row.ignore,
        retired=row.retired,
    )


def rules_with(site: Site, values: Mapping[str, Any]) -> list[Rule]:
    """The rules of a site as they would be with one more. `values`: its fields; none without a
    `filter`. `replaces` is the id of the rule whose place it takes, `position` where it would
    stand.
    """
    replaced = values.get("replaces")
    rules = [rule for rule in rules_of(site.pk) if rule.id != replaced]
    if "filter" not in values:
        return rules
    fields = {name: value for name, value in values.items() if name in _TRIED}
    place = values.get("position", len(rules) + 1) - 1
    rules.insert(place, as_rule(TopicRule(**fields)))
    return rules


_TRIED = frozenset({"filter", "is_active", "parser_name", "ignore", "retired"})


def create_rule(site: Site, values: Mapping[str, Any]) -> TopicRule:
    """At `values["position"]`, those from there on one further down; without one, last."""
    return add_rule(TopicRule(site=site, **{"position": 0, **values}))


def add_rule(rule: TopicRule) -> TopicRule:
    """Insert a new row; a `position` of 0 or beyond the end is the end."""
    with transaction.atomic():
        last = _lock(rule.site_id)
        rule.position = min(rule.position or last + 1, last + 1)
        _make_room(rule.site_id, rule.position, last + 1)
        rule.save(force_insert=True)
        audit.record_created(rule)
    return rule


def save_rule(rule: TopicRule, fields: Collection[str]) -> TopicRule:
    """Write the named fields. A new `position` moves the rules in between by one."""
    with transaction.atomic():
        last = _lock(rule.site_id)
        stored = TopicRule.objects.get(pk=rule.pk)
        rule.position = max(1, min(rule.position, last))
        before = audit.values_of(stored, fields)
        after = audit.values_of(rule, fields)
        if before == after:
            return rule
        if rule.position != stored.position:
            _make_room(rule.site_id, rule.position, stored.position)
        rule.save(update_fields=fields)
        audit.record("changed", rule, before=before, after=after)
    return rule


def delete_rule(rule: TopicRule) -> None:
    """What it decided stays, until another one decides."""
    with transaction.atomic():
        last = _lock(rule.site_id)
        audit.record_deleted(rule)
        position = rule.position
        rule.delete()
        _make_room(rule.site_id, last + 1, position)


def preview(site: Site, rules: Iterable[Rule]) -> RuleEffect:
    """What these rules would do to the topics of the site, were they applied now."""
    effect = RuleEffect()
    chosen = tuple(rules)
    for rows in _chunks(site.pk):
        _decided(chosen, rows, effect)
    return effect


def apply(site: Site, now: datetime) -> RuleEffect:
    """Let the rules decide about all topics of the site, in one transaction."""
    effect = RuleEffect()
    with transaction.atomic():
        _lock(site.pk)
        rules = rules_of(site.pk)
        changed: list[int] = []
        for rows in _chunks(site.pk):
            decided = _decided(rules, rows, effect)
            _write(decided, now)
            changed += [row.id for row in decided]
        if changed:
            details = msgspec.structs.asdict(effect)
            audit.record_many(
                "applied rules to", DiscoveredTopic, changed, details=details, site_id=site.pk
            )
    return effect


def _decided(rules: Iterable[Rule], rows: Iterable[_Row], effect: RuleEffect) -> list[_Row]:
    """Those that change, as they are to be; counted in `effect`."""
    rules = tuple(rules)
    changed = []
    for row in rows:
        effect.topics += 1
        rule = first_match(rules, row.topic)
        if rule is None:
            continue
        effect.matched += 1
        after = decide(rule, row.state)
        if after != row.state:
            effect.add(row.state, after)
            changed.append(msgspec.structs.replace(row, state=after))
    return changed


def _chunks(site_id: int) -> Iterator[list[_Row]]:
    last = 0
    while True:
        with database.cursor() as cursor:
            cursor.execute(_READ, [site_id, last, CHUNK])
            rows = [_row(found) for found in cursor.fetchall()]
        yield rows
        if len(rows) < CHUNK:
            return
        last = rows[-1].id


def _row(found: tuple[Any, ...]) -> _Row:
    number, topic, active, processable, parser, pinned, forbidden, ignored, retired, rule = found
    state = TopicState(
        is_active=active,
        parser_name=parser if processable else "",
        pinned_parser=pinned,
        forbidden_parsers=tuple(forbidden),
        is_ignored=ignored,
        is_retired=retired,
        rule=rule,
    )
    return _Row(number, topic, state)


def _write(rows: Collection[_Row], now: datetime) -> None:
    if not rows:
        return
    states = [row.state for row in rows]
    columns = [
        numbers(row.id for row in rows),
        booleans(state.is_active for state in states),
        texts(state.parser_name for state in states),
        texts(state.pinned_parser for state in states),
        texts("\n".join(state.forbidden_parsers) for state in states),
        booleans(state.is_ignored for state in states),
        booleans(state.is_retired for state in states),
        numbers(state.rule for state in states),
    ]
    with database.cursor() as cursor:
        cursor.execute(_WRITE, [now, *columns])


def _lock(site_id: int) -> int:
    """Until the commit nobody else changes rules of the site. Gives the last position, 0 for none."""
    Site.objects.select_for_update(no_key=True).get(pk=site_id)
    rules = TopicRule.objects.filter(site_id=site_id)
    return rules.aggregate(last=Max("position"))["last"] or 0


def _make_room(site_id: int, to: int, origin: int) -> None:
    """A rule leaves the position `origin` for `to`: those in between move into the gap."""
    rules = TopicRule.objects.filter(site_id=site_id)
    if to < origin:
        rules.filter(position__gte=to, position__lt=origin).update(position=F("position") + 1)
    else:
        rules.filter(position__gt=origin, position__lte=to).update(position=F("position") - 1)
