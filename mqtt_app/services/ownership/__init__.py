"""Who owns which connection. All truth is in PostgreSQL, all writes are conditional, the row count
decides.

A connection goes round like this, `generation` growing at each claim::

    wanted, unassigned --reconcile--> assigned to X --claim by X--> owned by X --release by X--> unowned
          ^                                                            |
          +-------------- reconcile, when X has no lease --------------+

A row without an owner never has the status `connecting` or `connected`. The status is written in
`status.py`, and nowhere else.

This module is the `ConnectionStore` of the MQTT runtime (mqtt_app/mqtt/connection_store.py).
"""

from mqtt_app.services.ownership.claims import claim, claim_all, release_all
from mqtt_app.services.ownership.configs import config_of
from mqtt_app.services.ownership.connection_rows import rows_of
from mqtt_app.services.ownership.link_reports import record_statuses, record_suback_results
from mqtt_app.services.ownership.matches import record_matches
from mqtt_app.services.ownership.reconcile import (
    ReconcileReport,
    reconcile,
    reconcile_if_needed,
)

__all__ = [
    "ReconcileReport",
    "claim",
    "claim_all",
    "config_of",
    "reconcile",
    "reconcile_if_needed",
    "record_matches",
    "record_statuses",
    "record_suback_results",
    "release_all",
    "rows_of",
]
