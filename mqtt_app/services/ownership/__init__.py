"""Who owns which connection. All truth is in PostgreSQL, all writes are conditional, the row count
decides.

A connection goes round like this, `generation` growing at each take::

    wanted, nobody's --reconcile--> assigned to X --take by X--> owned by X --let_go by X--> nobody's
          ^                                                          |
          +------------- reconcile, when X has no lease -------------+

A row without an owner never says `connecting` or `connected`.
"""

from mqtt_app.services.ownership.claims import let_go_all, take, take_all
from mqtt_app.services.ownership.configs import ConnectionConfig, Filter, config_of
from mqtt_app.services.ownership.connection_rows import ConnectionRow, homeless_exist, rows_of
from mqtt_app.services.ownership.link_status import (
    Answers,
    Key,
    LinkStatus,
    WrittenStatuses,
    record_answers,
    record_statuses,
)
from mqtt_app.services.ownership.matches import Matches, record_matches
from mqtt_app.services.ownership.reconcile import ReconcileReport, needs_reconcile, reconcile

__all__ = [
    "Answers",
    "ConnectionConfig",
    "ConnectionRow",
    "Filter",
    "Key",
    "LinkStatus",
    "Matches",
    "ReconcileReport",
    "WrittenStatuses",
    "config_of",
    "homeless_exist",
    "let_go_all",
    "needs_reconcile",
    "reconcile",
    "record_answers",
    "record_matches",
    "record_statuses",
    "rows_of",
    "take",
    "take_all",
]
