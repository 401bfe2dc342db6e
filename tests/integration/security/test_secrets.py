"""Secrets go in and never come out: canaries are looked for in everything that leaves the server."""

import io
import json
import logging
from _io import StringIO
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from mqtt_app import logging_utils
from mqtt_app.models import MqttConnection, Site
from mqtt_app.services.ownership import config_of
from project.logs import configuration as logs
from project.logs.lines import CountingHandler
from tests.answers import Answer
from tests.brokers import CertificateAuthority
from tests.integration.security.walk import addresses


def methods(address: str) -> tuple[str, ...]:
    return (
        ("get", "options", "post", "put", "patch", "delete")
        if address.startswith("/api/")
        else ("get", "post")
    )


@pytest.fixture
def log_lines() -> Iterator[StringIO]:
    """What this process writes to its log, in the format of every process."""
    stream = io.StringIO()
    logs.configure()
    (handler,) = (h for h in logging.getLogger().handlers if isinstance(h, CountingHandler))
    handler.setStream(stream)
    yield stream
    handler.setStream(io.StringIO())


def leaks(text: str, secrets: dict[str, str]) -> list[str]:
    return [name for name, secret in secrets.items() if secret in text]


def content(answer: Answer) -> str:
    body = answer.getvalue()
    return f"{dict(answer.headers)}{answer.cookies.output()}{body.decode(errors='replace')}"


def sent_empty(browser: Client, method: str, address: str) -> Answer:
    body = (
        {} if method in {"get", "options"} else {"data": "{}", "content_type": "application/json"}
    )
    answer: Answer = getattr(browser, method)(address, **body)
    return answer


@pytest.mark.parametrize("caller", ["anonymous", "clerk", "root"])
@pytest.mark.timeout(300)
def test_no_answer_of_any_route_holds_a_secret(
    caller: str, callers: dict[str, Any], secrets: dict[str, str], log_lines: StringIO
) -> None:
    found = []
    for address in addresses():
        for method in methods(address):
            with transaction.atomic():  # a log-out or a delete must not end the walk
                answer = sent_empty(callers[caller](), method, address)
                found += [(method, address, name) for name in leaks(content(answer), secrets)]
                transaction.set_rollback(True)
    assert found == []
    assert leaks(log_lines.getvalue(), secrets) == []


@pytest.mark.parametrize("caller", ["clerk", "root"])
@pytest.mark.parametrize(
    "query",
    [
        "q={}",
        "o=1",
        "o=-99",
        "password__startswith=gAAAA",
        "password={}",
        "connection__password={}",
        "_to_field=password&_popup=1",
        "e=1",
        "user__password__startswith=md5",
        "digest__startswith=0",
    ],
)
def test_no_list_is_searched_filtered_or_sorted_by_a_secret(
    caller: str, query: str, callers: dict[str, Any], secrets: dict[str, str]
) -> None:
    for model in django_admin.site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        answer = callers[caller]().get(f"{address}?{query.format(secrets['broker password'])}")
        assert answer.status_code in {200, 302, 400, 403}
        typed = (
            {"broker password"} if query.startswith("q=") else set()
        )  # a search box shows what was typed into it
        assert set(leaks(content(answer), secrets)) <= typed
        if typed and answer.status_code == 200 and django_admin.site._registry[model].search_fields:
            assert answer.context["cl"].result_count == 0
        if "__" in query or query.startswith("password"):
            assert answer.status_code in {302, 400, 403}


def test_a_form_with_errors_does_not_repeat_the_secrets_typed_into_it(
    callers: dict[str, Any], secrets: dict[str, str], site: Site, authority: CertificateAuthority
) -> None:
    browser = callers["root"]()
    typed = {"password": "typed-broker-password", "tls_client_key": authority.client("other")[1]}
    bad = {"site": site.pk, "broker_host": "a..b", "broker_port": "0", "clear_password": ""}
    for page, arguments in (("change", [site.connection.pk]), ("add", [])):
        answer = browser.post(
            reverse(f"admin:mqtt_mqttconnection_{page}", args=arguments), bad | typed
        )
        assert answer.status_code == 200
        assert answer.context["adminform"].form.errors
        assert "typed-broker-password" not in content(answer)
        assert typed["tls_client_key"].splitlines()[2] not in content(answer)
        assert leaks(content(answer), secrets) == []


def test_an_answer_of_the_api_does_not_repeat_them_either(
    callers: dict[str, Any], secrets: dict[str, str], site: Site
) -> None:
    browser = callers["root"]()
    for body in (
        {"password": ["typed-password"]},
        {"password": "typed-password", "broker_port": 0},
        "typed-password",
        {"tls_client_key": "typed-password"},
        '{"password": "typed-password"',
    ):
        sent = body if isinstance(body, str) else json.dumps(body)
        answer = browser.patch(
            f"/api/v1/mqtt/sites/{site.pk}/connection/", sent, content_type="application/json"
        )
        assert answer.status_code == 400
        assert "typed-password" not in content(answer)


def test_staff_who_may_only_look_see_that_secrets_are_there_and_not_which(
    callers: dict[str, Any], secrets: dict[str, str], site: Site
) -> None:
    answer = callers["clerk"]().get(
        reverse("admin:mqtt_mqttconnection_change", args=[site.connection.pk])
    )
    assert answer.status_code == 200
    assert leaks(content(answer), secrets) == []
    assert "password, TLS client key" in content(answer)


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize(
    "path", ["/sites/{}/", "/api/v1/mqtt/sites/{}/connection/", "/admin/mqtt/mqttconnection/"]
)
def test_a_fault_inside_a_view_shows_no_value(  # noqa: PLR0917
    debug: bool,
    path: str,
    callers: dict[str, Any],
    secrets: dict[str, str],
    site: Site,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    log_lines: StringIO,
) -> None:
    settings.DEBUG = debug

    def fail(*_args: object, **_kwargs: object) -> None:
        password = secrets["broker password"]  # noqa: F841  a local variable of the traceback
        everything = dict(secrets)  # noqa: F841
        raise RuntimeError(
            f"refused at redis://:{secrets['Redis password']}@cache/0 with {secrets['ciphertext']}gAAA"
        )

    for place in (
        "mqtt_app.dashboard.views.site_view",
        "mqtt_app.api.views.connections.effective_statuses",
        "mqtt_app.admin.connections.effective_statuses",
    ):
        monkeypatch.setattr(place, fail)
    browser = callers["root"]()
    cookie = "-".join(("canary", "cookie"))  # the page shows this very line
    browser.cookies["other"] = cookie
    answer = browser.get(path.format(site.pk))
    assert answer.status_code == 500
    shown = {name: secret for name, secret in secrets.items() if name != "ciphertext"}
    assert leaks(content(answer), shown) == []
    assert cookie not in content(answer)
    assert browser.session.session_key not in content(answer)
    assert leaks(log_lines.getvalue(), shown) == []
    assert "RuntimeError" in log_lines.getvalue()


def test_a_debug_page_names_settings_and_no_password(
    callers: dict[str, Any], secrets: dict[str, str], settings: Settings
) -> None:
    settings.DEBUG = True
    answer = callers["anonymous"]().get("/nowhere/at/all")
    assert answer.status_code == 404
    assert leaks(content(answer), secrets) == []


def test_a_row_that_the_database_refuses_is_not_logged_with_its_ciphertext(
    secrets: dict[str, str], site: Site, log_lines: StringIO
) -> None:
    with pytest.raises(DatabaseError, match="Failing row") as caught, transaction.atomic():
        MqttConnection.objects.filter(pk=site.connection.pk).update(status="nonsense")
    logging.getLogger("mqtt_app").error("refused: %s", caught.value, exc_info=caught.value)
    logging_utils.log_connection_event(
        site.connection, "ERROR", str(caught.value), exception=caught.value
    )
    assert "Failing row" in log_lines.getvalue()
    assert leaks(log_lines.getvalue(), secrets) == []


def test_nothing_that_holds_a_secret_shows_it_when_it_is_printed(
    secrets: dict[str, str], site: Site
) -> None:
    connection = MqttConnection.objects.get()
    config = config_of(connection.pk, connection.generation)
    assert config is not None
    for thing in (connection, config, [config], {"config": config}, connection.__dict__["_state"]):
        assert leaks(f"{thing!r} {thing}", secrets) == []


@pytest.mark.django_db
def test_a_client_that_may_not_log_in_is_not_told_what_it_sent() -> None:
    answer = Client().post("/login/", {"username": "x", "password": "typed-password"})
    assert "typed-password" not in content(answer)
