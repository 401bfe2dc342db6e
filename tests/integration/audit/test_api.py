"""Every route of the API that writes leaves an entry, in the transaction of its change."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from mqtt_app.domain.dead_letters.selection import Selection
from mqtt_app.models import (
    AuditEntry,
    DeadLetter,
    Device,
    DiscoveredTopic,
    MqttTopic,
    Operation,
    PayloadMapping,
    Problem,
    Site,
    TopicRule,
)
from mqtt_app.services.mappings import rows
from mqtt_app.services.replay import requests
from tests.integration.api.client import Caller
from tests.integration.audit.conftest import fingerprint, new_entries
from tests.integration.mappings.definitions import DEFINITION, OTHER_DEFINITION

UNSAFE = ("post", "put", "patch", "delete")
ACCOUNTS = "v1/auth/"  # log-ins are events of an account, recorded where they happen
SITE, TOPIC = "v1/mqtt/sites/<int:site_id>/", "v1/mqtt/sites/<int:site_id>/topics/<int:pk>/"
OPERATION = "v1/mqtt/operations/<uuid:pk>/"
MAPPINGS, MAPPING = SITE + "mappings/", SITE + "mappings/<int:pk>/"
RULE, DEVICE = SITE + "topic-rules/<int:pk>/", "v1/mqtt/devices/<int:pk>/"


def another_device() -> dict[str, int]:
    site = Site.objects.get()
    return {"into": Device.objects.create(site=site, identifier="another").pk}


def retired() -> None:
    Device.objects.update(retired_at=timezone.now())


def dead_letter() -> dict[str, bool]:
    site = Site.objects.get()
    DeadLetter.objects.create(
        site=site,
        connection=site.connection,
        topic="lab/a",
        payload=b"1",
        qos=1,
        retain=False,
        received_at=timezone.now(),
        reason="failed",
        state="resting",
    )
    return {"all": True}


def activated() -> None:
    rows.activate(PayloadMapping.objects.get())


def replay(state: str) -> Any:
    def make() -> None:
        dead_letter()
        operation = requests.begin(Site.objects.get(), Selection())
        Operation.objects.filter(pk=operation.pk).update(state=state)

    return make


CALLS: dict[tuple[str, str], Any] = {
    ("post", "v1/mqtt/sites/"): ({"name": "New"}, "created", "site"),
    ("put", "v1/mqtt/sites/<int:pk>/"): ({"name": "Other"}, "changed", "site"),
    ("patch", "v1/mqtt/sites/<int:pk>/"): ({"silence_after": 60}, "changed", "site"),
    ("delete", "v1/mqtt/sites/<int:pk>/"): (None, "deleted", "site"),
    ("post", SITE + "start/"): (None, "started", "mqttconnection"),
    ("post", SITE + "stop/"): (None, "stopped", "mqttconnection"),
    ("post", SITE + "restart/"): (None, "restarted", "mqttconnection"),
    ("post", "v1/mqtt/sites/bulk/"): (
        {"action": "stop", "filter": {}},
        "asked in bulk",
        "operation",
    ),
    ("put", SITE + "connection/"): ({"broker_host": "b.example"}, "changed", "mqttconnection"),
    ("patch", SITE + "connection/"): ({"password": "new-canary"}, "changed", "mqttconnection"),
    ("post", SITE + "topics/"): ({"filter": "a/#"}, "created", "mqtttopic"),
    ("put", TOPIC): ({"filter": "b/#"}, "changed", "mqtttopic"),
    ("patch", TOPIC): ({"qos": 0}, "changed", "mqtttopic"),
    ("delete", TOPIC): (None, "deleted", "mqtttopic"),
    ("patch", SITE + "discovered-topics/<int:pk>/"): (
        {"is_active": True},
        "allowed",
        "discoveredtopic",
    ),
    ("post", SITE + "topic-rules/"): ({"filter": "a/#"}, "created", "topicrule"),
    ("put", RULE): ({"filter": "b/#"}, "changed", "topicrule"),
    ("patch", RULE): ({"ignore": True}, "changed", "topicrule"),
    ("delete", RULE): (None, "deleted", "topicrule"),
    ("post", SITE + "topic-rules/apply/"): (None, "applied rules to", "discoveredtopic"),
    ("post", SITE + "capture/"): ({"minutes": 5}, "changed", "site"),
    ("post", MAPPINGS): ({"name": "kiln", "definition": DEFINITION}, "created", "payloadmapping"),
    ("put", MAPPING): ({"definition": OTHER_DEFINITION}, "changed", "payloadmapping"),
    ("delete", MAPPING): (None, "deleted", "payloadmapping"),
    ("post", MAPPING + "activate/"): (None, "activated", "payloadmapping"),
    ("post", MAPPING + "deactivate/"): (activated, "deactivated", "payloadmapping"),
    ("patch", "v1/mqtt/problems/<int:pk>/"): ({"state": "resolved"}, "decided about", "problem"),
    ("patch", DEVICE): ({"name": "Boiler"}, "changed", "device"),
    ("delete", DEVICE): (None, "deleted", "device"),
    ("post", DEVICE + "merge/"): (another_device, "merged", "device"),
    ("post", DEVICE + "retire/"): (None, "retired", "device"),
    ("post", DEVICE + "unretire/"): (retired, "brought back", "device"),
    ("post", SITE + "dead-letters/replay/"): (dead_letter, "replayed", "operation"),
    ("post", SITE + "explain/"): (None, "explained", "operation"),
    ("post", "v1/mqtt/connections/test/"): (
        {"broker_host": "b.example", "password": "canary"},
        "tested",
        "operation",
    ),
    ("post", OPERATION + "stop/"): (replay("running"), "stopped", "operation"),
    ("post", OPERATION + "resume/"): (replay("superseded"), "resumed", "operation"),
}

# questions whose bodies are too long for a GET
STORES_NOTHING = {
    ("post", "v1/mqtt/parsers/try/"),
    ("post", MAPPINGS + "propose/"),
    ("post", MAPPINGS + "dry-run/"),
}


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found |= routes(pattern.url_patterns, route)
        else:
            found[route] = pattern.callback
    return found


def writing_routes() -> set[tuple[str, str]]:
    api = routes(get_resolver("mqtt_app.api.urls").url_patterns)
    found = set()
    for route, view in api.items():
        actions = getattr(view, "actions", None)
        allowed = set(getattr(getattr(view, "cls", None), "http_method_names", ()))
        methods = (
            set(actions or ())
            if actions
            else {m for m in UNSAFE if hasattr(getattr(view, "cls", None), m)}
        )
        found |= {
            (method, route)
            for method in methods & allowed & set(UNSAFE)
            if not route.startswith(ACCOUNTS)
        }
    return found


def address(route: str, site: Site) -> str:
    numbers: dict[str, type[Model]] = {
        "topics": MqttTopic,
        "discovered-topics": DiscoveredTopic,
        "topic-rules": TopicRule,
        "mappings": PayloadMapping,
        "problems": Problem,
        "devices": Device,
    }
    model = next((model for name, model in numbers.items() if f"/{name}/<int:pk>" in route), Site)
    path = route.replace("<int:site_id>", str(site.pk)).replace(
        "<int:pk>", str(model._default_manager.earliest("pk").pk)
    )
    operation = Operation.objects.order_by("created_at").last()
    if operation is not None:
        path = path.replace("<uuid:pk>", str(operation.pk))
    return f"/api/{path}"


def test_every_route_that_writes_has_a_line_here() -> None:
    assert writing_routes() - STORES_NOTHING == CALLS.keys()


def test_a_message_that_is_tried_is_not_stored(root: Caller, site: Site) -> None:
    known = AuditEntry.objects.count()
    before = fingerprint()
    body = {"topic": "lab/boiler/temperature", "payload": "21.5"}
    assert root.call("POST", "parsers/try/", body).status_code == 200
    assert fingerprint() == before
    assert list(new_entries(known)) == []


@pytest.mark.parametrize(("method", "route"), CALLS)
def test_a_write_leaves_one_entry_that_says_who_and_what(
    method: str, route: str, root: Caller, site: Site
) -> None:
    body, action, kind = CALLS[method, route]
    body = body() if callable(body) else body
    if kind == "mqttconnection" and action == "stopped":
        root.call("POST", f"sites/{site.pk}/start/")
    known, before = AuditEntry.objects.count(), fingerprint()
    answer = root.call(method.upper(), address(route, site), body)
    assert answer.status_code < 300, answer.content
    assert fingerprint() != before
    (entry,) = new_entries(known)
    assert (entry.action, entry.object_type, entry.source) == (action, kind, "api")
    assert (entry.user_name, entry.token_name, entry.address) == ("root", "API log-in", "127.0.0.1")
    assert "canary" not in str(entry.changes)
    assert entry.site_id == site.pk or kind in {"site", "operation"}  # of no single site


@pytest.mark.parametrize(("method", "route"), CALLS)
def test_what_cannot_be_recorded_is_not_done(
    method: str, route: str, root: Caller, site: Site, no_entries_possible: Callable[[], None]
) -> None:
    body, action, kind = CALLS[method, route]
    body = body() if callable(body) else body
    if kind == "mqttconnection" and action == "stopped":
        root.call("POST", f"sites/{site.pk}/start/")
    before = fingerprint()
    no_entries_possible()
    assert root.call(method.upper(), address(route, site), body).status_code == 500
    assert fingerprint() == before


def test_what_changes_nothing_leaves_no_entry(root: Caller, site: Site) -> None:
    root.call("PATCH", f"sites/{site.pk}/", {"name": site.name})
    root.call(
        "PATCH",
        f"sites/{site.pk}/connection/",
        {"broker_host": "broker.example", "password": "canary"},
    )
    root.call("POST", f"sites/{site.pk}/stop/")
    root.call("PATCH", f"sites/{site.pk}/topics/{MqttTopic.objects.get().pk}/", {"qos": 1})
    root.call("PATCH", f"sites/{site.pk}/", {"silence_after": 0})
    assert new_entries() == []


def test_old_and_new_values_are_written_down_but_of_a_secret_only_that_it_changed(
    root: Caller, site: Site
) -> None:
    change = {"broker_port": 8883, "password": "new-canary", "tls_verify": False}
    root.call("PATCH", f"sites/{site.pk}/connection/", change)
    (entry,) = new_entries()
    assert entry.changes == {
        "broker_port": [1883, 8883],
        "password": "changed",
        "tls_verify": [True, False],
    }


def test_a_session_is_recorded_as_the_person_without_a_token(
    client: Client, site: Site, django_user_model: type[User]
) -> None:
    client.force_login(django_user_model.objects.create_superuser("anna"))
    client.post(f"/api/v1/mqtt/sites/{site.pk}/start/", REMOTE_ADDR="2001:db8::7")
    (entry,) = new_entries()
    assert (entry.user_name, entry.token_name, entry.address) == ("anna", "", "2001:db8::7")
