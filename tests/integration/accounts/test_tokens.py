"""Tokens by the API: made, listed, revoked, used, expired."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mqtt_app.conf import Config
from mqtt_app.domain.access import Scope
from mqtt_app.models import ApiToken, AuditEntry, Site
from mqtt_app.services.accounts import tokens
from tests.answers import Answer
from tests.integration.accounts.conftest import ADDRESS, api, api_login
from tests.integration.api.client import PASSWORD, connected_site, member_of
from tests.narrowing import present

TOKENS = "/api/v1/auth/tokens/"
SITES = "/api/v1/mqtt/sites/"


def token_of(user: User, **values: Any) -> tuple[ApiToken, str]:
    made: tuple[ApiToken, str] = ApiToken.objects.create(user, **values)
    return made


def made(text: str, **body: Any) -> Answer:
    return api(text, "POST", TOKENS, {"name": "script", **body})


def test_login_answers_as_the_contract_says(anna: User) -> None:
    answer = api_login()
    assert answer.status_code == 200
    assert answer.json().keys() == {"token", "expiry"}
    assert answer.json()["expiry"] is None
    row = ApiToken.objects.get()
    assert (row.name, row.scope, row.site_ids) == ("API log-in", "manage", None)
    assert api(answer.json()["token"], "GET", SITES).status_code == 200


def test_login_takes_a_name_a_scope_and_an_end(anna: User) -> None:
    answer = api_login(scope="read", expires_in=3600)
    assert answer.status_code == 200
    row = ApiToken.objects.get()
    assert row.scope == "read"
    assert timedelta(minutes=59) < row.expiry - timezone.now() <= timedelta(hours=1)


@pytest.mark.parametrize(
    "body",
    [
        {"scope": "admin"},
        {"expires_in": 0},
        {"expires_in": -5},
        {"expires_in": 10**12},
        {"site_ids": []},
        {"site_ids": ["x"]},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "a\0b"},
    ],
)
def test_what_cannot_be_is_refused_by_its_field(anna: User, body: dict[str, Any]) -> None:
    _, text = token_of(anna)
    answer = made(text, **body)
    assert answer.status_code == 400
    assert answer.json().keys() == body.keys()


def test_a_token_is_shown_once_and_only_its_hash_is_stored(anna: User) -> None:
    _, text = token_of(anna)
    new = made(text, scope="read").json()
    assert api(new["token"], "GET", SITES).status_code == 200
    listed = api(text, "GET", TOKENS)
    assert new["token"].encode() not in listed.content
    row = ApiToken.objects.get(name="script")
    assert row.digest.encode() not in listed.content
    assert new["token"] not in str(ApiToken.objects.filter(pk=row.pk).values())
    assert {token["name"] for token in listed.json()["results"]} == {"script", "API log-in"}
    assert api(text, "GET", f"{TOKENS}{row.pk}/").json()["prefix"] == new["token"][:15]


def test_nobody_sees_or_revokes_the_tokens_of_others(anna: User, root: User) -> None:
    row, _ = token_of(anna)
    _, other = token_of(root)
    assert [token["id"] for token in api(other, "GET", TOKENS).json()["results"]] != [row.pk]
    assert api(other, "GET", f"{TOKENS}{row.pk}/").status_code == 404
    assert api(other, "DELETE", f"{TOKENS}{row.pk}/").status_code == 404


def test_a_revoked_token_ends_at_once(anna: User) -> None:
    row, text = token_of(anna)
    assert api(text, "DELETE", f"{TOKENS}{row.pk}/").status_code == 204
    assert api(text, "GET", SITES).status_code == 401
    assert AuditEntry.objects.filter(action="revoked", object_id=str(row.pk)).exists()


def test_a_read_token_makes_and_revokes_none(anna: User) -> None:
    other, _ = token_of(anna)
    _, text = token_of(anna, scope=Scope.READ)
    answer = made(text, scope="read")
    assert answer.status_code == 403
    assert "may only read" in answer.json()["detail"]
    assert api(text, "DELETE", f"{TOKENS}{other.pk}/").status_code == 403
    assert api(text, "GET", TOKENS).status_code == 200


def test_a_token_makes_none_with_more_rights_than_its_own(anna: User, site: Site) -> None:
    elsewhere = connected_site("Elsewhere")
    member_of(elsewhere, "x")
    _, text = token_of(anna, scope=Scope.OPERATE, site_ids=[site.pk], expiry=timedelta(hours=1))
    assert made(text, scope="manage").status_code == 403
    assert made(text, scope="operate", expires_in=7200).status_code == 403
    assert made(text, scope="operate", site_ids=[elsewhere.pk]).status_code == 400
    new = made(text, scope="operate")
    assert new.status_code == 201
    assert new.json()["site_ids"] == [site.pk]
    maker = ApiToken.objects.get(scope="operate", name="API log-in")
    assert ApiToken.objects.get(name="script").expiry == maker.expiry


def test_a_token_does_not_revoke_one_with_more_rights(anna: User) -> None:
    mighty, _ = token_of(anna)
    own, text = token_of(anna, scope=Scope.OPERATE)
    assert api(text, "DELETE", f"{TOKENS}{mighty.pk}/").status_code == 403
    assert api(text, "DELETE", f"{TOKENS}{own.pk}/").status_code == 204


def test_sites_that_the_user_may_not_see_are_no_sites(anna: User) -> None:
    elsewhere = connected_site("Elsewhere")
    _, text = token_of(anna)
    answer = made(text, site_ids=[elsewhere.pk])
    assert answer.status_code == 400
    assert answer.json() == {"site_ids": [f"There is no site {elsewhere.pk}."]}


def test_an_expired_token_says_so_and_stays_where_its_user_sees_it(anna: User) -> None:
    _, valid = token_of(anna)
    row, text = token_of(anna, expiry=timedelta(seconds=-1))
    answer = api(text, "GET", SITES)
    assert answer.status_code == 401
    assert "This token expired at" in answer.json()["detail"]
    assert answer["WWW-Authenticate"] == "Token"
    assert api(valid, "GET", f"{TOKENS}{row.pk}/").json()["is_expired"] is True


def test_whoever_has_only_the_beginning_of_an_expired_token_learns_nothing(anna: User) -> None:
    _, text = token_of(anna, expiry=timedelta(seconds=-1))
    answer = api(text[:15] + "0" * 49, "GET", SITES)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid token."})


@pytest.mark.parametrize("text", ["x", "\u00e9", "0" * 64, "a\0b", "-", "a" * 5000])
def test_nonsense_is_an_invalid_token(db: None, text: str) -> None:
    assert api(text, "GET", SITES).status_code == 401


# Last use


def test_a_use_is_written_with_time_and_address_at_most_once_a_minute(anna: User) -> None:
    row, text = token_of(anna)
    api(text, "GET", SITES, address="2001:db8::7")
    row.refresh_from_db()
    assert row.last_used_address == "2001:db8::7"
    assert timezone.now() - present(row.last_used_at) < timedelta(minutes=1)
    with CaptureQueriesContext(connection) as queries:
        api(text, "GET", SITES)
    assert not [query for query in queries if "UPDATE" in query["sql"]]
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    api(text, "GET", SITES)
    row.refresh_from_db()
    assert row.last_used_address == ADDRESS


@pytest.mark.parametrize("address", ["", "testclient"])
def test_a_use_from_nowhere_is_a_use(anna: User, address: str) -> None:
    row, text = token_of(anna)
    assert api(text, "GET", SITES, address=address).status_code == 200
    row.refresh_from_db()
    assert (row.last_used_at is not None, row.last_used_address) == (True, None)


def test_a_use_that_cannot_be_written_fails_no_request(anna: User, site: Site) -> None:
    row, text = token_of(anna)
    with connection.execute_wrapper(_refuse_updates_of_tokens):
        assert api(text, "GET", SITES).json()["results"][0]["id"] == site.pk
    row.refresh_from_db()
    assert row.last_used_at is None


def _refuse_updates_of_tokens(
    execute: Callable[..., Any],
    sql: str,
    params: Sequence[object] | None,
    many: bool,
    context: dict[str, Any],
) -> Any:
    if sql.startswith('UPDATE "mqtt_apitoken"'):
        raise DatabaseError("read-only")
    return execute(sql, params, many, context)


# Bounded


def test_no_user_has_more_tokens_than_there_may_be(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "config", lambda: Config(tokens_per_user=3))
    assert [api_login().status_code for _ in range(4)] == [200, 200, 200, 409]
    ApiToken.objects.filter(pk=ApiToken.objects.first().pk).update(
        expiry=timezone.now() - timedelta(days=1)
    )
    assert api_login().status_code == 200
    assert ApiToken.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_many_requests_at_once_write_the_use_once_and_none_fails(anna: User) -> None:
    _, text = token_of(anna)

    def use(_: int) -> int:
        try:
            return api(text, "GET", SITES).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(use, range(16))) == [200] * 16


def test_log_ins_and_log_outs_are_in_the_audit_trail(anna: User) -> None:
    text = api_login().json()["token"]
    api(text, "POST", "/api/v1/auth/logout/")
    entries = AuditEntry.objects.order_by("id").values_list(
        "action", "user_name", "address", "source"
    )
    expected = [
        ("created", "anna"),
        ("logged in", "anna"),
        ("logged out", "anna"),
        ("revoked", "anna"),
    ]
    assert list(entries) == [(action, name, ADDRESS, "api") for action, name in expected]
    ends = AuditEntry.objects.filter(action__in=["logged out", "revoked"])
    assert set(ends.values_list("token_name", flat=True)) == {"API log-in"}
    assert text not in str(list(AuditEntry.objects.values()))
    assert PASSWORD not in str(list(AuditEntry.objects.values()))
