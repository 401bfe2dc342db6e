"""Reads of the dashboard. Each gives what one page shows, in a constant number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet

from mqtt_app.models import (
    Device,
    DiscoveredTopic,
    MqttConnection,
    MqttConnectionLog,
    MqttParsingLog,
    Site,
    TopicRule,
)
from mqtt_app.selectors.devices import with_metrics
from mqtt_app.selectors.disclosure import conceal_log

ROWS = 50  # of a page
LOG_ROWS = 15
WAITING_ROWS = 20
RULES = 50
_WAITING = Q(is_active=False, is_processable=True, is_ignored=False)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    host: str
    port: int
    use_tls: bool
    tls_verify: bool = True

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def named_like(sites: QuerySet[Site], text: str, *, detailed: bool) -> QuerySet[Site]:
    """Sites whose name, broker (`host` or `host:port`) or client id contains `text`, in any case.
    `detailed`: also the words of their failure.
    """
    wanted = Q(name__icontains=text) | Q(connection__client_id__icontains=text)
    wanted |= Q(connection__broker_host__icontains=text)
    host, colon, port = text.rpartition(":")
    if colon and port.isascii() and port.isdigit() and len(port) <= 5:
        wanted |= Q(
            connection__broker_host__icontains=host.strip("[]"), connection__broker_port=int(port)
        )
    if detailed:
        wanted |= Q(connection__error_message__icontains=text)
    return sites.filter(wanted)


def addresses(site_ids: Iterable[int]) -> dict[int, BrokerAddress]:
    """By site id. Reads no credentials."""
    found = MqttConnection.objects.filter(site__in=list(site_ids))
    rows = found.values_list("site_id", "broker_host", "broker_port", "use_tls", "tls_verify")
    return {row[0]: BrokerAddress(*row[1:]) for row in rows}


def waiting_counts(sites: QuerySet[Site]) -> dict[int, int]:
    """Site id -> topics that a parser recognises and no operator allows."""
    waiting = DiscoveredTopic.objects.filter(
        _WAITING, connection__site__in=sites.order_by().values("id")
    )
    counted = waiting.order_by().values_list("connection__site_id").annotate(Count("id"))
    return dict(counted)


def waiting_topics(site: Site) -> list[DiscoveredTopic]:
    return list(DiscoveredTopic.objects.filter(_WAITING, connection__site=site)[:WAITING_ROWS])


def topics(site: Site, text: str, number: str) -> Page[DiscoveredTopic]:
    found = DiscoveredTopic.objects.filter(connection__site=site).select_related("rule")
    found = found.order_by("topic", "id")
    return Paginator(found.filter(topic__icontains=text) if text else found, ROWS).get_page(number)


def devices(site: Site, number: str) -> Page[Device]:
    """With `gateway`, metrics and the newest value of each."""
    found = with_metrics(Device.objects.filter(site=site).select_related("gateway"))
    return Paginator(found.order_by("identifier", "id"), ROWS).get_page(number)


def rules(site: Site) -> list[TopicRule]:
    """The first ones, in their order."""
    return list(TopicRule.objects.filter(site=site).order_by("position", "id")[:RULES])


def connection_logs(site: Site, *, detailed: bool) -> list[MqttConnectionLog]:
    """Not `detailed`: failures in general words."""
    rows = list(MqttConnectionLog.objects.filter(connection__site=site)[:LOG_ROWS])
    for row in () if detailed else rows:
        conceal_log(row)
    return rows


def parsing_logs(site: Site) -> list[MqttParsingLog]:
    return list(MqttParsingLog.objects.filter(site=site)[:LOG_ROWS])
