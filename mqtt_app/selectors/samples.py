"""Stored samples of topics."""

from django.db.models import QuerySet

from mqtt_app.domain.dead_letters.selection import pattern_of
from mqtt_app.models import DiscoveredTopic, TopicSample


def samples_of(topic: DiscoveredTopic) -> QuerySet[TopicSample]:
    """Newest first."""
    return TopicSample.objects.filter(topic=topic).order_by("-id")


def samples_matching(site_id: int, topic_filter: str = "") -> QuerySet[TopicSample]:
    """Of topics that an MQTT filter selects, all without one; newest first. Raises TopicError for a
    filter that is none.
    """
    found = TopicSample.objects.filter(site_id=site_id)
    if topic_filter:
        found = found.filter(name__regex=pattern_of(topic_filter))
    return found.order_by("-id")
