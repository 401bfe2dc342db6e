"""The audit trail as it is written: who, on what, and how much of it the columns hold."""

import pytest

from mqtt_app.domain.audit import Actor, Source
from mqtt_app.models import AuditEntry, Site
from mqtt_app.services import audit

pytestmark = pytest.mark.django_db


def test_an_entry_says_who_did_what_to_which_object() -> None:
    site = Site.objects.create(name="Lab")
    with audit.acting_as(Actor(Source.API, None, "anna", "phone", "192.0.2.1")):
        audit.record(
            "changed",
            site,
            before={"name": "a", "password": "x"},
            after={"name": "b", "password": "y"},
        )
        audit.record("created", site, after={"name": "b"}, site_id=site.pk)
        audit.record("removed", site, before={"name": "b"})
    first, second, third = AuditEntry.objects.order_by("id")
    assert (first.source, first.user_name, first.token_name, first.address) == (
        "api",
        "anna",
        "phone",
        "192.0.2.1",
    )
    assert (first.action, first.object_type, first.object_id, first.object_label) == (
        "changed",
        "site",
        str(site.pk),
        str(site),
    )
    assert first.changes == {"name": ["a", "b"], "password": "changed"}
    assert (second.changes, second.site_id, first.site_id) == (
        {"name": [None, "b"]},
        site.pk,
        site.pk,
    )
    assert third.changes == {"name": ["b", None]}


def test_names_are_cut_to_what_the_columns_hold() -> None:
    with audit.acting_as(Actor(Source.PAGE, user_name="u" * 300, token_name="t" * 300)):
        audit.record("signed in")
    entry = AuditEntry.objects.get()
    assert (len(entry.user_name), len(entry.token_name)) == (200, 100)
    assert (entry.object_type, entry.object_id, entry.object_label, entry.changes) == (
        "",
        "",
        "",
        {},
    )


def test_whoever_acts_acts_until_the_end_and_without_anybody_it_is_the_command_line() -> None:
    assert audit.current_actor().source is Source.COMMAND
    assert audit.current_actor().user_name
    anna = Actor(Source.API, user_name="anna")
    with audit.acting_as(anna):
        assert audit.current_actor() is anna
    assert audit.current_actor().source is Source.COMMAND
