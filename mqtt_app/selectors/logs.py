from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Q, QuerySet

from mqtt_app.models import MqttConnectionLog, MqttParsingLog
from mqtt_app.selectors.disclosure import TELLING, sees_failures
from mqtt_app.selectors.visibility import sites_visible_to

User = AbstractBaseUser | AnonymousUser


def connection_logs(
    user: User,
    *,
    site: int | None = None,
    level: str = "",
    search: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
) -> QuerySet[MqttConnectionLog]:
    found = MqttConnectionLog.objects.filter(_window(start, end))
    if site is not None:
        found = found.filter(connection__site=site)
    if not getattr(user, "is_superuser", False):
        found = found.filter(connection__site__in=sites_visible_to(user).values("pk"))
    if level:
        found = found.filter(level=level)
    if search and not sees_failures(user):
        found = found.exclude(TELLING)
    if search:
        found = found.filter(Q(message__icontains=search) | Q(exception_type__icontains=search))
    return found


def parsing_logs(
    user: User,
    *,
    site: int | None = None,
    error_type: str = "",
    parser_name: str = "",
    topic: str = "",
    search: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
) -> QuerySet[MqttParsingLog]:
    found = MqttParsingLog.objects.filter(_window(start, end))
    exact = {"site": site, "error_type": error_type, "parser_name": parser_name, "topic": topic}
    found = found.filter(**{name: value for name, value in exact.items() if value})
    if not getattr(user, "is_superuser", False):
        found = found.filter(site__in=sites_visible_to(user).values("pk"))
    if search:
        found = found.filter(Q(topic__icontains=search) | Q(error_message__icontains=search))
    return found


def _window(start: datetime | None, end: datetime | None) -> Q:
    since = Q() if start is None else Q(timestamp__gte=start)
    return since if end is None else since & Q(timestamp__lte=end)
