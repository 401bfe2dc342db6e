"""The topics of a site: a level of the tree, a search, or one topic with its samples."""

from dataclasses import dataclass
from datetime import datetime

from mqtt_app.dashboard.payloads import ShownPayload, shown_samples
from mqtt_app.domain.access import Action
from mqtt_app.models import Device, DiscoveredTopic, MqttConnection, Site
from mqtt_app.selectors.samples import samples_of
from mqtt_app.selectors.topic_tree import FoundTopics, TopicLevel, find_topics, level_below
from mqtt_app.selectors.visibility import Viewer

DEVICES = 5  # whose identifier is in the name of a topic


@dataclass(frozen=True, slots=True)
class Crumb:
    name: str
    prefix: str


@dataclass(frozen=True, slots=True)
class TopicsView:
    """`level` None: a search, which is in `found`, or a site without connection."""

    site: Site
    text: str
    crumbs: list[Crumb]
    level: TopicLevel | None
    found: FoundTopics | None
    total: int
    may_attend: bool


@dataclass(frozen=True, slots=True)
class TopicPageView:
    """`rate`: messages a minute since it was first seen. `devices`: whose readings it may bring."""

    site: Site
    topic: DiscoveredTopic
    crumbs: list[Crumb]
    samples: list[ShownPayload]
    devices: list[Device]
    rate: float
    may_attend: bool
    may_configure: bool


def topics_view(site: Site, viewer: Viewer, *, text: str, prefix: str) -> TopicsView:
    connection = _connection_of(site)
    level: TopicLevel | None = None
    found: FoundTopics | None = None
    total = 0
    if connection is not None:
        total = connection.discovered_topics.count()
        if text:
            found = find_topics(connection, text)
        else:
            level = level_below(connection, prefix)
    return TopicsView(
        site=site,
        text=text,
        crumbs=_crumbs(prefix),
        level=level,
        found=found,
        total=total,
        may_attend=viewer.may(Action.ATTEND, site.pk),
    )


def topic_view(site: Site, viewer: Viewer, pk: int, now: datetime) -> TopicPageView | None:
    """None for a topic that the site does not have."""
    topics = DiscoveredTopic.objects.filter(connection__site=site).select_related("rule")
    topic = topics.filter(pk=pk).first()
    if topic is None:
        return None
    minutes = max(1.0, (now - topic.first_seen).total_seconds() / 60)
    return TopicPageView(
        site=site,
        topic=topic,
        crumbs=_crumbs(topic.topic),
        samples=shown_samples(list(samples_of(topic))),
        devices=_devices_of(site, topic.topic),
        rate=round(topic.message_count / minutes, 2),
        may_attend=viewer.may(Action.ATTEND, site.pk),
        may_configure=viewer.may(Action.CONFIGURE, site.pk),
    )


def _connection_of(site: Site) -> MqttConnection | None:
    return MqttConnection.objects.filter(site=site).only("id", "site_id").first()


def _crumbs(prefix: str) -> list[Crumb]:
    if not prefix:
        return []
    levels = prefix.split("/")
    return [
        Crumb(level or "(empty)", "/".join(levels[: place + 1]))
        for place, level in enumerate(levels)
    ]


def _devices_of(site: Site, topic: str) -> list[Device]:
    """Devices that are called as the topic, or as its beginning, is."""
    levels = topic.split("/")
    names = ["/".join(levels[:end]) for end in range(1, len(levels) + 1)]
    found = Device.objects.filter(site=site, identifier__in=[*names, *levels])
    return list(found.order_by("identifier")[:DEVICES])
