"""What a browser has been told about connections: pure, so that "snapshot + events = new snapshot"
can be tested.
"""

from collections.abc import Iterable
from typing import Any

from mqtt_app.domain.link.disclosure import error_in_general

Event = dict[str, Any]
Row = dict[str, Any]  # site_id, status, is_active, error_message, at

_FACTS = ("status", "is_active", "error_message")


def snapshot(rows: Iterable[Row], at: str) -> Event:
    return {"type": "snapshot", "at": at, "connections": list(rows)}


def shown(row: Row, *, detailed: bool) -> Row:
    """A row with its `error_class`, as a browser is told of it."""
    error_class, message = row.get("error_class", ""), row["error_message"]
    if detailed:
        told = message
    else:
        told = error_in_general(error_class, message)
    return {key: value for key, value in row.items() if key != "error_class"} | {
        "error_message": told
    }


class ClientState:
    """The sites one user may see and what was last said of each. Not `detailed`: errors in general
    words. Operations about many sites are for `user_id`, if not `sees_all`.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        sites: frozenset[int],
        *,
        detailed: bool = True,
        user_id: int | None = None,
        sees_all: bool = False,
    ) -> None:
        self.rows = {row["site_id"]: row for row in rows}
        self.sites = sites
        self.detailed = detailed
        self.user_id = user_id
        self.sees_all = sees_all

    def visible(self, event: Event) -> Event | None:
        """The event as this user may see it: a `flow` message loses foreign sites, others are whole
        or nothing.
        """
        if event["type"] == "flow":
            sites = [site for site in event["sites"] if site["site_id"] in self.sites]
            if sites:
                return {**event, "sites": sites}
            return None
        if event["type"] == "operation":
            return self._visible_operation(event)
        if event.get("site_id") not in self.sites:
            return None
        if event["type"] == "connection":
            return shown(event, detailed=self.detailed)
        return event

    def _visible_operation(self, event: Event) -> Event | None:
        """One of no single site is for whoever asked for it, and for those who see everything."""
        if event["site_id"] is None:
            allowed = self.sees_all or (
                event["user_id"] is not None and event["user_id"] == self.user_id
            )
        else:
            allowed = event["site_id"] in self.sites
        if not allowed:
            return None
        return {key: value for key, value in event.items() if key != "user_id"}

    def told(self, event: Event) -> None:
        if event["type"] == "connection":
            self.rows[event["site_id"]] = {
                key: value for key, value in event.items() if key != "type"
            }

    def missed(self, rows: Iterable[Row]) -> list[Event]:
        """One `connection` event for each row that differs from what was told: an event of it got
        lost.
        """
        return [
            {"type": "connection", **row}
            for row in rows
            if any(self.rows.get(row["site_id"], {}).get(fact) != row[fact] for fact in _FACTS)
        ]
