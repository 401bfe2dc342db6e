"""Names that the API does not know are refused at every one of its addresses, by name."""

import json
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from mqtt_app.domain.access import Switching
from tests.integration.access import routes, table
from tests.integration.access.rules import Line
from tests.integration.access.test_matrix import values_for
from tests.integration.access.world import World
from tests.narrowing import present

pytestmark = pytest.mark.django_db

DOCUMENTS = {"api/schema/", "api/docs/", "api/"}
API = [route for route in routes.http() if route.startswith("api/") and route not in DOCUMENTS]
ADMINISTRATOR = "superuser"
BODIES = ("POST", "PUT", "PATCH")


def line_of(route: str) -> Line:
    return present(table.line_for(route, Switching.SUPERUSERS))


def ask(world: World, method: str, address: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    client: Client = world.client(ADMINISTRATOR)
    text = "" if body is None else json.dumps(body)
    with transaction.atomic():
        answer = client.generic(method, address, text, content_type="application/json")
        transaction.set_rollback(True)
    return answer.status_code, json.loads(answer.content or b"{}")


@pytest.mark.parametrize("route", API)
def test_a_parameter_that_is_not_known_is_named(route: str, world: World) -> None:
    line = line_of(route)
    address = routes.address(route, values_for(world, line.pk))
    methods = [method for method in line.rules if method not in {"OPTIONS", "HEAD"}]
    assert methods
    for method in methods:
        body = line.rules[method].body
        status, said = ask(world, method, f"{address}?nonsense=1", body)
        assert (status, list(said)) == (400, ["nonsense"]), method
        assert "no such parameter" in said["nonsense"][0]


@pytest.mark.parametrize("route", API)
def test_a_field_that_is_not_known_is_named(route: str, world: World) -> None:
    line = line_of(route)
    address = routes.address(route, values_for(world, line.pk))
    for method in (method for method in line.rules if method in BODIES):
        body = dict(line.rules[method].body or {})
        status, said = ask(world, method, address, body | {"nonsense": 1})
        if "operations/<uuid:pk>/" in route and status == 409:
            continue  # there is no replay in this world
        assert (status, list(said)) == (400, ["nonsense"]), method
        assert "no such field" in said["nonsense"][0]
