"""Every route x every caller x every method: the answer is the one in `table.py`.

The routes are read from the URL configuration, so a route without a line fails here. To add one:

- below /api/v1/mqtt/: a line in `API`, for example
  `"sites/<int:site_id>/rules/": api(get=READ, post=CONFIGURE.gives(201, name="x"))`.
  `gives` says which status those get who may, and the body that is sent; `pk="device"` names the model whose row
  fills `<int:pk>`. A method that the line does not name is answered with 405.
- any other address: a line in `OTHERS`.
- a model in the admin: a line in `MODELS`, who at least sees, adds, changes and deletes its rows.
- a WebSocket: a line in `WEBSOCKETS`; `test_websockets.py` asks these.

`rules.py` holds the rules (who gets 401, 403, 404) that the lines are made of.
"""

import json
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.template.response import SimpleTemplateResponse
from django.test import Client, override_settings

from mqtt_app.domain.access import Switching
from tests.integration.access import routes, table
from tests.integration.access.rules import CALLERS, METHODS, ModelLine, Rule, reaches
from tests.integration.access.world import ELSEWHERE, HERE, World
from tests.narrowing import present

QUICK_SESSIONS = (
    "django.contrib.sessions.backends.signed_cookies"  # no row to read for each request
)
pytestmark = pytest.mark.django_db
MUST_NOT_READ = {
    **dict.fromkeys(("anonymous", "expired"), (HERE, ELSEWHERE)),
    **dict.fromkeys(("viewer", "operator", "manager"), (ELSEWHERE,)),
    **dict.fromkeys(("foreign", "elsewhere"), (HERE,)),
}


@pytest.fixture(scope="module")
def clients(world: World) -> Iterator[dict[str, Client]]:
    """Without two log lines for each of ten thousand requests."""
    silent = [name for name in settings.MIDDLEWARE if "structlog" not in name]
    logging.disable(logging.CRITICAL)
    with override_settings(MIDDLEWARE=silent, SESSION_ENGINE=QUICK_SESSIONS):
        yield {caller: world.client(caller) for caller in CALLERS}
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Templates are rendered only for a GET by somebody who must not find everything in it."""
    shown = {"render": True}
    rendered: Callable[[SimpleTemplateResponse], str] = vars(SimpleTemplateResponse)[
        "rendered_content"
    ].fget

    def lazily(response: SimpleTemplateResponse) -> str:
        if shown["render"]:
            return rendered(response)
        return ""

    monkeypatch.setattr(SimpleTemplateResponse, "rendered_content", property(lazily))
    return shown


def ask(client: Client, method: str, address: str, ruled: Rule) -> tuple[int, str]:
    """Status and text; what was written is rolled back."""
    body = "" if ruled.body is None else json.dumps(ruled.body)
    kind = (
        "application/json" if address.startswith("/api/") else "application/x-www-form-urlencoded"
    )
    with transaction.atomic():
        answer = client.generic(method, address, body, content_type=kind, REMOTE_ADDR=ruled.remote)
        transaction.set_rollback(True)
    return answer.status_code, answer.content.decode(
        errors="replace"
    ) if not answer.streaming else ""


def leaks(caller: str, text: str) -> list[str]:
    return [word for word in MUST_NOT_READ.get(caller, ()) if word.lower() in text.lower()]


def wrong_answers(
    clients: dict[str, Client],
    quick: dict[str, bool],
    address: str,
    rule_for: Any,
    asked: Any = lambda method: CALLERS,
) -> list[str]:
    found = []
    for method in METHODS:
        for caller in asked(method):
            quick["render"] = method == "GET" and caller in MUST_NOT_READ
            ruled = rule_for(method)
            status, text = ask(clients[caller], method, address, ruled)
            expected = ruled.to(caller)
            if status not in expected:
                found.append(
                    f"{method} {address} by {caller}: {status}, not {sorted(expected)} {text[:200]}"
                )
            found += [f"{method} {address} shows {caller} {word}" for word in leaks(caller, text)]
    return found


def values_for(world: World, pk: str) -> dict[str, Any]:
    other = {
        "id": world.users["viewer"].pk,
        "app_label": "mqtt",
        "url": "nothing/here",
        "content_type_id": 1,
    }
    other |= {"uidb64": "MQ", "token": "no-such-link"}
    row = world.rows.get(pk or "site")
    return {"site_id": world.here.pk, "pk": present(row).pk, "object_id": 1, **other}


def test_every_route_has_a_line_and_every_line_a_route() -> None:
    lines = {f"api/v1/mqtt/{route}" for route in table.API} | set(table.OTHERS)
    assert lines == set(routes.http()), "see the docstring of this module"
    assert set(table.MODELS) == set(routes.models()), "see the docstring of this module"
    assert set(table.WEBSOCKETS) == set(routes.websockets())
    assert routes.of_models() <= set(routes.walk())


@pytest.mark.parametrize(
    ("switching", "route"),
    [(Switching.SUPERUSERS, route) for route in routes.http()]
    + [(Switching.OPERATORS, route) for route in routes.http() if route.startswith("api/v1/mqtt/")],
    indirect=["switching"],
)
def test_a_route_answers_each_caller_as_its_line_says(
    route: str,
    world: World,
    clients: dict[str, Client],
    quick: dict[str, bool],
    switching: Switching,
) -> None:
    line = table.line_for(route, switching)
    address = routes.address(route, values_for(world, present(line).pk))
    assert wrong_answers(clients, quick, address, present(line).rule_for) == []


@pytest.mark.parametrize("name", sorted(routes.models()))
def test_the_admin_of_a_model_opens_to_each_caller_as_its_line_says(
    name: str, world: World, clients: dict[str, Client], quick: dict[str, bool]
) -> None:
    model, line = routes.models()[name], table.MODELS[name]
    row = world.rows.get(model._meta.model_name) or model._default_manager.first()
    found = []
    for view in routes.PAGES_OF_A_MODEL:
        address = routes.address(f"admin/{name}/{view}", {"object_id": row.pk if row else 0})
        rule_for = partial(admin_rule, view, line, row)
        found += wrong_answers(clients, quick, address, rule_for, asked_in_the_admin)
    assert found == []


def asked_in_the_admin(method: str) -> tuple[str, ...]:
    """The pages of a model know POST, and take every other method for a GET: some callers are
    enough to see that.
    """
    return CALLERS if method in {"GET", "POST"} else ("anonymous", "foreign", "viewer")


def admin_rule(view: str, line: ModelLine, row: Any, method: str) -> Rule:
    return Rule(tuple(admin_column(view, method, line, row, caller) for caller in CALLERS))


def admin_column(view: str, method: str, line: ModelLine, row: Any, caller: str) -> str:
    """What Django's admin answers. A row that is not there, or foreign, leads back to the index:
    302.
    """
    if (
        caller not in {"foreign", "viewer", "operator", "manager", "superuser"}
        or view == routes.OBJECT_ID
    ):
        return "302"  # to the log-in; of the short address of a row to its long one
    hidden = caller == "foreign" or not reaches(caller, line.view)
    missing = row is None or (hidden and line.view != "superuser")
    page = view.removeprefix(routes.OBJECT_ID)
    least = {"": line.view, "add/": line.add, "delete/": line.delete, "history/": line.view}.get(
        page
    )
    if page == "change/":
        least = line.change if method == "POST" else line.view
    if page == "history/" and missing:
        return "302"
    if not reaches(caller, present(least)):
        return "403"
    return "302" if missing and page not in {"", "add/"} else "200|302"
