"""The links that are wanted and in error."""

from collections.abc import Iterator

from django.db.models import Count

from mqtt_app.domain.health.findings import Finding, ok, warning
from mqtt_app.models import ConnectionStatus, MqttConnection

SHOWN = 5  # connections that are named


def failing_connections() -> Iterator[Finding]:
    failing = MqttConnection.objects.filter(
        is_active=True, site__is_active=True, status=ConnectionStatus.ERROR
    )
    total = failing.count()
    if not total:
        yield ok("connections", "None that is wanted is in error.")
        return
    classes = failing.order_by("error_class").values_list("error_class").annotate(Count("id"))
    counted = ", ".join(f"{number} {name or 'unknown'}" for name, number in classes)
    yield warning(
        "connections", f"{total} are in error ({counted}).", "Their pages and logs say what to do."
    )
    for row in failing.select_related("site").order_by("id")[:SHOWN]:
        yield warning(
            "connections", f"[Site {row.site_id}] {row.site.name}: {row.error_message}", ""
        )
