"""The OpenAPI schema: valid, complete, and true of what the API does with input nobody thought of."""

from functools import cache
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
import yaml
from django.core.management import call_command
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core import NotSet

from mqtt_app.models import Site
from tests.integration.api.client import Caller
from tests.integration.api.test_lists import fill
from tests.narrowing import present

PATHS = {
    "sites/",
    "sites/{id}/",
    "sites/{site_id}/start/",
    "sites/{site_id}/stop/",
    "sites/{site_id}/restart/",
    "sites/bulk/",
    "sites/{site_id}/status/",
    "sites/{site_id}/connection/",
    "sites/{site_id}/topics/",
    "sites/{site_id}/topics/{id}/",
    "sites/{site_id}/discovered-topics/",
    "sites/{site_id}/discovered-topics/{id}/",
    "sites/{site_id}/topic-rules/",
    "sites/{site_id}/topic-rules/{id}/",
    "sites/{site_id}/topic-rules/preview/",
    "sites/{site_id}/topic-rules/apply/",
    "sites/{site_id}/fingerprint/",
    "sites/{site_id}/devices/",
    "devices/{id}/",
    "devices/{id}/merge/",
    "devices/{id}/retire/",
    "devices/{id}/unretire/",
    "devices/{id}/readings/",
    "operations/",
    "operations/{id}/",
    "connection-logs/",
    "parsing-logs/",
}


@cache
def schema() -> dict[str, Any]:
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    found: dict[str, Any] = yaml.safe_load(out.getvalue())
    return found


def test_the_schema_is_valid_and_names_every_address() -> None:
    described = schema()["paths"].keys()
    assert {f"/api/v1/mqtt/{path}" for path in PATHS} <= described
    assert {"/api/v1/auth/login/", "/api/v1/auth/logout/"} <= described


def test_secrets_are_in_no_response_of_the_schema() -> None:
    shown = schema()["components"]["schemas"]["Connection"]["properties"]
    assert {"password", "tls_client_key"}.isdisjoint(shown)
    assert {"has_password", "has_tls_client_key"} <= shown.keys()


def test_schema_and_docs_are_served(nobody: Caller, db: None) -> None:
    assert nobody.client.get("/api/schema/").status_code == 200
    assert b"swagger" in nobody.client.get("/api/docs/").content


def operations() -> list[tuple[str, str]]:
    described = schema()["paths"]
    return [
        (method.upper(), path)
        for path in described
        for method in described[path]
        if "/logout/" not in path
    ]


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("method", "path"), operations())
def test_no_input_makes_the_server_fail(
    method: str, path: str, mode: GenerationMode, root: Caller, site: Site
) -> None:
    """Each operation with values that fit the schema and with values that do not, on rows that are
    there.
    """
    device = fill(site, range(2))
    topic = (
        site.connection.discovered_topics.first()
        if "discovered" in path
        else site.connection.topics.first()
    )
    own = {
        "site_id": site.pk,
        "id": device.pk
        if "/devices/" in path
        else present(topic).pk
        if "topics" in path
        else site.pk,
    }
    operation = schemathesis.openapi.from_dict(schema())[path][method]

    @settings(
        max_examples=8,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(mode))
    def attack(case: Case[Any]) -> None:
        query = urlencode(
            {name: value for name, value in (case.query or {}).items()},
            doseq=True,
            errors="replace",
        )
        body = None if isinstance(case.body, NotSet) else case.body
        answer = root.call(method, f"{path.format(**own)}?{query}", body)
        assert answer.status_code < 500, (query, body, answer.content)

    attack()
