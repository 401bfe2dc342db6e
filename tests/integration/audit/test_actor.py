"""Who did it: set for one request, gone with it."""

import asyncio
import json
import threading

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from mqtt_app.domain.accounts.client_address import client_address
from mqtt_app.domain.audit import Source
from mqtt_app.middleware.actor import ActorMiddleware
from mqtt_app.models import ApiToken, AuditEntry, Site
from mqtt_app.services import audit, sites
from project.asgi import application
from project.local.demo import first_rows
from tests.integration.api.client import connected_site, superuser


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::1", "::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("", None),
        ("unix:", None),
    ],
)
def test_an_address_is_the_peers_and_no_header_changes_it(
    remote: str, expected: str | None
) -> None:
    assert (
        client_address({"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_FOR": "203.0.113.1"}) == expected
    )


@pytest.mark.parametrize(
    ("path", "source"),
    [("/api/v1/mqtt/sites/", Source.API), ("/admin/", Source.ADMIN), ("/sites/1/", Source.PAGE)],
)
def test_a_request_acts_from_where_it_was_sent_and_leaves_nobody_behind(
    path: str, source: Source
) -> None:
    seen = []

    def respond(_request: HttpRequest) -> HttpResponse:
        seen.append(audit.current_actor())
        return HttpResponse()

    middleware = ActorMiddleware(respond)
    middleware(RequestFactory().get(path))
    assert (seen[0].source, seen[0].user_name) == (source, "")
    assert audit.current_actor().source is Source.COMMAND


def test_a_request_that_fails_leaves_nobody_behind() -> None:
    def fail(_request: HttpRequest) -> HttpResponse:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        ActorMiddleware(fail)(RequestFactory().get("/api/"))
    assert audit.current_actor().source is Source.COMMAND


def test_threads_have_actors_of_their_own() -> None:
    seen: dict[str, Source] = {}
    meet = threading.Barrier(2)

    def respond(request: HttpRequest) -> HttpResponse:
        meet.wait(5)
        seen[request.path] = audit.current_actor().source
        return HttpResponse()

    def act(path: str) -> None:
        ActorMiddleware(respond)(RequestFactory().get(path))

    threads = [threading.Thread(target=act, args=(path,)) for path in ("/api/", "/admin/")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"/api/": Source.API, "/admin/": Source.ADMIN}


async def start_site(site_id: int, token: str) -> int:
    headers = [(b"authorization", f"Token {token}".encode()), (b"host", b"localhost")]
    path = f"/api/v1/mqtt/sites/{site_id}/start/"
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": headers,
        "client": ("192.0.2.1", 1),
    }
    web = ApplicationCommunicator(application, scope)
    await web.send_input({"type": "http.request", "body": b""})
    answer = await web.receive_output(20)
    await web.receive_output(20)
    await web.wait(20)
    return int(answer["status"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_of_many_requests_at_once_each_is_recorded_in_its_own_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(
        connections.settings["default"], "CONN_MAX_AGE", 0
    )  # each request has a thread of its own

    def prepare() -> dict[str, tuple[int, str]]:
        users = [superuser(f"user-{number}") for number in range(8)]
        return {
            u.username: (connected_site(u.username).pk, ApiToken.objects.create(u)[1])
            for u in users
        }

    rows = await sync_to_async(prepare)()
    answers = await asyncio.gather(*(start_site(*row) for row in rows.values()))
    assert set(answers) == {202}
    assert audit.current_actor().source is Source.COMMAND
    found = await sync_to_async(
        lambda: dict(AuditEntry.objects.values_list("user_name", "site_id"))
    )()
    assert found == {name: site_id for name, (site_id, _) in rows.items()}
    await sync_to_async(connections.close_all)()


@pytest.mark.django_db
def test_in_a_shell_it_is_the_account_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "somebody-else")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    sites.create_site({"name": "Plant"})
    entry = AuditEntry.objects.get()
    assert (entry.source, entry.action) == ("command", "created")
    assert entry.user_name not in {"", "somebody-else"}


@pytest.mark.django_db
def test_the_first_rows_of_an_installation_are_recorded_without_their_secrets() -> None:
    answer = first_rows.write(
        password="a-first-password", own_database=True, old_token="", demo_ports=[]
    )
    first_rows.write(
        password="a-second-password", own_database=True, old_token=answer["digest"], demo_ports=[]
    )
    entries = list(AuditEntry.objects.order_by("id"))
    assert [(entry.action, entry.object_type) for entry in entries] == [
        ("created", "user"),
        ("created", "apitoken"),
        ("password set", "user"),
        ("revoked", "apitoken"),
        ("changed", "user"),
        ("created", "apitoken"),
    ]
    text = json.dumps([(entry.changes, entry.object_id, entry.object_label) for entry in entries])
    assert not any(
        secret in text for secret in ("first-password", answer["token"], answer["digest"])
    )
    assert entries[4].changes == {"password": "changed"}
    assert Site.objects.count() == 0
