"""What templates need beyond Django's own: shapes, ages and values as people read them."""

import json
from datetime import datetime

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mqtt_app.dashboard import words
from mqtt_app.dashboard.badges import DEVICES, LEVELS, Badge
from mqtt_app.domain import clock_skew
from mqtt_app.domain.status.spans import span
from mqtt_app.models import Device
from mqtt_app.selectors.devices import MetricSummary, metrics_of

register = template.Library()
register.filter("value", words.value)
register.filter("rate", words.rate)
register.filter("is_off", clock_skew.is_off)
register.filter("skew", clock_skew.in_words)

SHOWN_METRICS = 12
FEW_METRICS = 4


@register.filter
def thousands(count: int) -> str:
    return f"{count:,}"


@register.filter
def percent(share: float) -> str:
    return f"{share:.0%}"


@register.filter
def shown_metrics(device: Device) -> list[MetricSummary]:
    """Those of a row of devices that have a value."""
    return [metric for metric in metrics_of(device) if metric.latest is not None][:SHOWN_METRICS]


@register.filter
def few_metrics(device: Device) -> list[MetricSummary]:
    """The first of them, where the list is long."""
    return shown_metrics(device)[:FEW_METRICS]


@register.filter
def sample(payload: object) -> str:
    """A stored payload as text; the template escapes it, so it stays inert."""
    if isinstance(payload, str):
        return payload
    return json.dumps(payload, indent=2, ensure_ascii=False)


@register.simple_tag
def sitewire_version() -> str:
    return str(settings.SPECTACULAR_SETTINGS["VERSION"])


@register.simple_tag
def icon(name: str) -> SafeString:
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("sitewire/icons.svg"),
        name,
    )


@register.simple_tag
def badge(shown: Badge, size: str = "") -> SafeString:
    return format_html(
        '<span class="badge tone-{} {}">{}{}</span>', shown.tone, size, icon(shown.tone), shown.word
    )


@register.simple_tag
def device_badge(status: str) -> SafeString:
    return badge(DEVICES[status])


@register.simple_tag
def level_badge(level: str) -> SafeString:
    return badge(LEVELS[level])


@register.simple_tag
def age(at: datetime | None, never: str = "never", *, suffix: bool = True) -> SafeString:
    """A time whose age ticks on in the browser; without `suffix` it is a duration."""
    if at is None:
        return format_html('<span class="muted">{}</span>', never)
    now = timezone.now()
    return format_html(
        '<time datetime="{}" title="{} UTC" data-age="{}">{}</time>',
        at.isoformat(),
        at.strftime("%Y-%m-%d %H:%M:%S"),
        "ago" if suffix else "span",
        words.ago(at, now) if suffix else span((now - at).total_seconds()),
    )
