"""The page on which a user makes and revokes tokens and changes the password."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from mqtt_app.models import ApiToken, AuditEntry, LoginCounter, Site
from tests.answers import Answer
from tests.integration.accounts.conftest import api, api_login, browser_of, page_login
from tests.integration.api.client import PASSWORD, connected_site
from tests.narrowing import present

NEW = "a-new-long-secret"
CHANGE = "/account/password/"
TOKEN = re.compile(r"data-token>([0-9a-f]{64})<")


def make(browser: Client, **values: Any) -> Answer:
    body = {"name": "Grafana", "scope": "read", "expires": "30", **values}
    return browser.post("/account/tokens/", body)


def change(browser: Client, old: str = PASSWORD, new: str = NEW, **values: str) -> Answer:
    body = {"old_password": old, "new_password1": new, "new_password2": new, **values}
    return browser.post(CHANGE, body)


@pytest.mark.parametrize("path", ["/account/", CHANGE])
def test_the_pages_ask_for_a_log_in_and_run_nothing_of_others(
    logged_in: Client, browser: Client, path: str
) -> None:
    assert browser.get(path).status_code == 302
    answer = logged_in.get(path)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "no-store" in answer["Cache-Control"]


def test_the_page_head_leads_to_the_account(logged_in: Client) -> None:
    assert b'href="/account/"' in logged_in.get("/").content


def test_a_token_is_made_shown_once_and_works(logged_in: Client, site: Site) -> None:
    page = make(logged_in)
    assert page.status_code == 200
    text = present(TOKEN.search(page.content.decode())).group(1)
    assert api(text, "GET", "/api/v1/mqtt/sites/").status_code == 200
    assert text not in logged_in.get("/account/").content.decode()
    row = ApiToken.objects.get()
    assert (row.name, row.scope, row.site_ids) == ("Grafana", "read", None)
    assert timedelta(days=29) < row.expiry - row.created <= timedelta(days=30)


def test_a_token_for_some_sites_and_for_ever(logged_in: Client, site: Site) -> None:
    make(logged_in, sites=[site.pk], expires="never")
    row = ApiToken.objects.get()
    assert (row.site_ids, row.expiry) == ([site.pk], None)
    assert site.name in logged_in.get("/account/").content.decode()


@pytest.mark.parametrize(
    "values",
    [{"name": ""}, {"scope": "all"}, {"expires": "0"}, {"name": "x" * 101}, {"sites": ["999999"]}],
)
def test_what_cannot_be_is_said_and_nothing_is_made(
    logged_in: Client, values: dict[str, list[str] | str]
) -> None:
    page = make(logged_in, **values)
    assert page.status_code == 400
    assert b'class="errors"' in page.content
    assert not ApiToken.objects.exists()


def test_a_foreign_site_cannot_be_chosen(logged_in: Client) -> None:
    assert make(logged_in, sites=[connected_site("Elsewhere").pk]).status_code == 400


def test_names_are_shown_as_text(logged_in: Client) -> None:
    make(logged_in, name="<script>alert(1)</script>")
    assert b"<script>alert(1)" not in logged_in.get("/account/").content


def test_a_user_revokes_own_tokens_and_no_others(logged_in: Client, anna: User, root: User) -> None:
    own, _ = ApiToken.objects.create(anna)
    other, _ = ApiToken.objects.create(root)
    assert logged_in.post(f"/account/tokens/{other.pk}/revoke/").status_code == 404
    answer = logged_in.post(f"/account/tokens/{own.pk}/revoke/", follow=True)
    assert b"The token is revoked" in answer.content
    assert list(ApiToken.objects.values_list("pk", flat=True)) == [other.pk]


def test_a_page_of_another_site_makes_no_token(anna: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(anna)
    assert make(browser).status_code == 403
    assert not ApiToken.objects.exists()


def test_ending_the_other_sessions_keeps_this_one(anna: User, logged_in: Client) -> None:
    other = browser_of(anna)
    logged_in.post("/account/sessions/")
    assert other.get("/").status_code == 302
    assert logged_in.get("/").status_code == 200


def test_more_tokens_cost_no_more_queries(logged_in: Client, anna: User, site: Site) -> None:
    costs = []
    for number in (1, 20):
        for _ in range(number):
            ApiToken.objects.create(anna, site_ids=[site.pk])
        with CaptureQueriesContext(connection) as queries:
            logged_in.get("/account/")
        costs.append(len(queries))
    assert costs[0] == costs[1]


# Password


def test_a_new_password_ends_other_sessions_and_tokens_but_not_this_session(
    anna: User, logged_in: Client
) -> None:
    other = browser_of(anna)
    _, text = ApiToken.objects.create(anna)
    answer = change(logged_in)
    assert (answer.status_code, answer["Location"]) == (302, "/account/?done=password")
    assert logged_in.get("/account/").status_code == 200
    assert other.get("/").status_code == 302
    assert api(text, "GET", "/api/v1/mqtt/sites/").status_code == 401
    assert api_login(password=NEW).status_code == 200
    assert AuditEntry.objects.filter(action="password changed", object_label="anna").exists()


def test_tokens_are_kept_where_the_user_says_so(anna: User, logged_in: Client) -> None:
    _, text = ApiToken.objects.create(anna)
    change(logged_in, keep_tokens="on")
    assert api(text, "GET", "/api/v1/mqtt/sites/").status_code == 200


@pytest.mark.parametrize("new", ["short", "1234567890123", "password123", "anna@example.org"])
def test_a_weak_password_is_refused(anna: User, logged_in: Client, new: str) -> None:
    assert change(logged_in, new=new).status_code == 200
    assert api_login().status_code == 200


def test_whoever_stole_a_session_cannot_guess_the_old_password_at_leisure(
    anna: User, logged_in: Client
) -> None:
    assert [change(logged_in, old="wrong").status_code for _ in range(6)] == [200] * 5 + [429]
    refused = change(logged_in)
    assert refused.status_code == 429
    assert b"Too many wrong tries" in refused.content
    assert page_login().status_code == 429


def test_the_admin_s_own_page_for_it_leads_here(logged_in: Client) -> None:
    assert logged_in.get("/admin/password_change/")["Location"] == CHANGE
    assert logged_in.post("/admin/password_change/", {})["Location"] == CHANGE


def test_log_ins_of_the_pages_are_in_the_audit_trail(anna: User, browser: Client) -> None:
    for path, source in (("/login/", "page"), ("/admin/login/", "admin")):
        browser.post(path, {"username": "anna", "password": PASSWORD})
        browser.post(path.replace("login", "logout"))
        entries = AuditEntry.objects.order_by("id").values_list("action", "user_name", "source")
        assert list(entries)[-2:] == [("logged in", "anna", source), ("logged out", "anna", source)]
    assert not LoginCounter.objects.exists()
