from datetime import datetime

from django.db.models import Q, QuerySet

from mqtt_app.models import MqttConnectionLog, MqttParsingLog
from mqtt_app.selectors.disclosure import TELLING, sees_failures
from mqtt_app.selectors.visibility import Viewer


def connection_logs(
    viewer: Viewer,
    *,
    site: int | None = None,
    level: str = "",
    search: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
) -> QuerySet[MqttConnectionLog]:
    found = viewer.narrow(
        MqttConnectionLog.objects.filter(_window(start, end)), "connection__site_id"
    )
    if site is not None:
        found = found.filter(connection__site=site)
    if level:
        found = found.filter(level=level)
    if search and not sees_failures(viewer.user):
        found = found.exclude(TELLING)
    if search:
        found = found.filter(Q(message__icontains=search) | Q(exception_type__icontains=search))
    return found


def parsing_logs(
    viewer: Viewer,
    *,
    site: int | None = None,
    error_type: str = "",
    parser_name: str = "",
    topic: str = "",
    search: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
) -> QuerySet[MqttParsingLog]:
    found = viewer.narrow(MqttParsingLog.objects.filter(_window(start, end)), "site_id")
    exact = {"site": site, "error_type": error_type, "parser_name": parser_name, "topic": topic}
    found = found.filter(**{name: value for name, value in exact.items() if value})
    if search:
        found = found.filter(Q(topic__icontains=search) | Q(error_message__icontains=search))
    return found


def _window(start: datetime | None, end: datetime | None) -> Q:
    if start is None:
        since = Q()
    else:
        since = Q(timestamp__gte=start)
    if end is None:
        return since
    return since & Q(timestamp__lte=end)
