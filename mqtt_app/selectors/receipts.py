"""Which batches are committed."""

from collections.abc import Iterable

from mqtt_app.coordination.acks import BatchReport
from mqtt_app.models import BatchReceipt


def find_receipts(batch_ids: Iterable[str]) -> set[BatchReport]:
    """Reports of those ids, 32 hex digits each, that have a receipt; one query."""
    columns = ("id", "skipped", "postponed")
    found = BatchReceipt.objects.filter(pk__in=list(batch_ids)).values_list(*columns)
    return {
        BatchReport(
            receipt_id.hex, skipped=frozenset(skipped), postponed=frozenset(postponed or ())
        )
        for receipt_id, skipped, postponed in found
    }
