"""Which batches are committed."""

from collections.abc import Iterable

from mqtt_app.coordination.acks import note
from mqtt_app.models import BatchReceipt


def committed(batch_ids: Iterable[str]) -> set[str]:
    """Notes (see coordination/acks.py) of those ids, 32 hex digits each, that have a receipt; one
    query.
    """
    found = BatchReceipt.objects.filter(pk__in=list(batch_ids)).values_list(
        "id", "skipped", "postponed"
    )
    return {
        note(receipt_id.hex, skipped, postponed or ()) for receipt_id, skipped, postponed in found
    }
