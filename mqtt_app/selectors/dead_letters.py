"""Dead letters of a site, as a selection names them."""

from django.db.models import F, Func, IntegerField, QuerySet

from mqtt_app.domain.dead_letters.selection import Selection, pattern_of
from mqtt_app.models import DeadLetter

SIZE = Func(F("payload"), function="octet_length", output_field=IntegerField())  # bytes


def selected(site_id: int, selection: Selection) -> QuerySet[DeadLetter]:
    """In the order in which they came. Raises TopicError for a filter that is none."""
    found = DeadLetter.objects.filter(site_id=site_id)
    if selection.ids:
        found = found.filter(pk__in=selection.ids)
    if selection.topic_filter:
        found = found.filter(topic__regex=pattern_of(selection.topic_filter))
    if selection.parser_name:
        found = found.filter(parser_name=selection.parser_name)
    if selection.reason:
        found = found.filter(reason=selection.reason)
    if selection.error_pattern:
        found = found.filter(error__regex=selection.error_pattern)
    if selection.since is not None:
        found = found.filter(received_at__gte=selection.since)
    if selection.until is not None:
        found = found.filter(received_at__lte=selection.until)
    return found.order_by("id")
