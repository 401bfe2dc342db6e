"""The only writers of topic filters and of what operators decide about discovered topics.

What a change of filters means for the link is worked out in the database (migration 0004); a nudge
makes it quick.
"""

from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction

from mqtt_app.coordination.nudges import nudge
from mqtt_app.domain.topic_rules import reader
from mqtt_app.models import DiscoveredTopic, MqttConnection, MqttTopic
from mqtt_app.services import audit


def create_topic(connection: MqttConnection, values: dict[str, Any]) -> MqttTopic:
    """Raises IntegrityError when the connection has this filter already."""
    return add_topic(MqttTopic(connection=connection, **values))


def add_topic(topic: MqttTopic) -> MqttTopic:
    """Insert a new row. Raises IntegrityError when its connection has this filter already."""
    with transaction.atomic():
        topic.save(force_insert=True)
        audit.record_created(topic)
        transaction.on_commit(nudge)
    return topic


def save_topic(topic: MqttTopic, fields: Collection[str]) -> MqttTopic:
    """Write the named fields. What the broker granted is forgotten when it has to be asked again."""
    with transaction.atomic():
        stored = MqttTopic.objects.select_for_update().get(pk=topic.pk)
        changed = {
            name: getattr(topic, name)
            for name in fields
            if getattr(topic, name) != getattr(stored, name)
        }
        if not changed:
            return stored
        audit.record("changed", stored, before=audit.values_of(stored, changed), after=changed)
        MqttTopic.objects.filter(pk=topic.pk).update(**changed)
        stored.refresh_from_db()
        transaction.on_commit(nudge)
    return stored


def delete_topic(topic: MqttTopic) -> None:
    with transaction.atomic():
        audit.record_deleted(topic)
        topic.delete()
        transaction.on_commit(nudge)


def allow(topics: Iterable[int], *, active: bool) -> int:
    """Set the operator's flag of these discovered topics; gives how many had the other value.

    A person's word about a single topic stands until rules are applied again.
    """
    with transaction.atomic():
        others = DiscoveredTopic.objects.select_for_update().filter(
            pk__in=list(topics), is_active=not active
        )
        changed = list(others.order_by("id").values_list("id", flat=True))
        found = DiscoveredTopic.objects.filter(pk__in=changed)
        if active:
            found.update(is_active=True, rule=None, is_ignored=False, retired_at=None)
        else:
            found.update(is_active=False, rule=None)
        audit.record_by_site("allowed" if active else "disallowed", DiscoveredTopic, changed)
    return len(changed)


def choose_parser(topic: DiscoveredTopic, *, pinned: str, forbidden: Collection[str]) -> None:
    """Pin a parser ("" for none) and forbid others. The next message of the topic decides when it
    has none then.
    """
    with transaction.atomic():
        stored = DiscoveredTopic.objects.select_for_update().get(pk=topic.pk)
        if stored.is_processable:
            current = stored.parser_name
        else:
            current = ""
        now = reader(current, pinned, tuple(forbidden))
        after = {"pinned_parser": pinned, "forbidden_parsers": list(forbidden)}
        before = audit.values_of(stored, after)
        if before == after and now == current:
            return
        audit.record("changed", stored, before=before, after=after)
        DiscoveredTopic.objects.filter(pk=topic.pk).update(
            **after, parser_name=now, is_processable=bool(now), recognitions=0
        )


def recognise_anew(topics: Iterable[int]) -> int:
    """Forget which parser these discovered topics belong to; the next message of each decides.
    Gives their number. Those whose parser is pinned keep it.
    """
    with transaction.atomic():
        chosen = DiscoveredTopic.objects.select_for_update().filter(
            pk__in=list(topics), pinned_parser=""
        )
        changed = list(chosen.order_by("id").values_list("id", flat=True))
        DiscoveredTopic.objects.filter(pk__in=changed).update(
            is_processable=False, parser_name="", confidence=None, recognitions=0
        )
        audit.record_by_site("freed of their parser", DiscoveredTopic, changed)
    return len(changed)


def set_folding(topic: DiscoveredTopic, *, is_folding: bool) -> None:
    """Whether the row of a template stands for its topics that have no row of their own. Members
    that speak after it no longer does get rows, with the flag that it has. Raises ValueError for
    an ordinary topic.
    """
    with transaction.atomic():
        stored = DiscoveredTopic.objects.select_for_update().get(pk=topic.pk)
        if stored.member_count is None:
            raise ValueError("Only the row of a template can be folded or unfolded.")
        if stored.is_folding == is_folding:
            return
        before = {"is_folding": stored.is_folding}
        audit.record("changed", stored, before=before, after={"is_folding": is_folding})
        DiscoveredTopic.objects.filter(pk=topic.pk).update(is_folding=is_folding)
