"""The only writers of topic filters and of what operators decide about discovered topics.

What a change of filters means for the link is worked out in the database (migration 0013); a nudge
makes it quick.
"""

from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction

from mqtt_app.coordination.nudges import nudge
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
    """Set the operator's flag of these discovered topics; gives how many had the other value."""
    with transaction.atomic():
        others = DiscoveredTopic.objects.select_for_update().filter(
            pk__in=list(topics), is_active=not active
        )
        changed = list(others.order_by("id").values_list("id", flat=True))
        DiscoveredTopic.objects.filter(pk__in=changed).update(is_active=active)
        audit.record_by_site("allowed" if active else "disallowed", DiscoveredTopic, changed)
    return len(changed)


def recognise_anew(topics: Iterable[int]) -> int:
    """Forget which parser these discovered topics belong to; the next message of each decides.
    Gives their number.
    """
    with transaction.atomic():
        chosen = DiscoveredTopic.objects.select_for_update().filter(pk__in=list(topics))
        changed = list(chosen.order_by("id").values_list("id", flat=True))
        DiscoveredTopic.objects.filter(pk__in=changed).update(is_processable=False, parser_name="")
        audit.record_by_site("freed of their parser", DiscoveredTopic, changed)
    return len(changed)
