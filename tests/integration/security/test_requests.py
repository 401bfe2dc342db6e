"""What holds for every route: OPTIONS answers, a policy for browsers, and no change from a foreign
page.
"""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from mqtt_app.middleware import policy
from mqtt_app.models import Site
from tests.integration.api.client import PASSWORD, Caller
from tests.integration.audit.conftest import fingerprint
from tests.integration.security.walk import addresses

FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver:81"},
    {"Origin": "https://testserver"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("caller", ["anonymous", "root"])
def test_every_route_answers_options_without_a_fault(
    caller: str, callers: dict[str, Any], site: Site
) -> None:
    browser = callers[caller]()
    answers = {address: browser.options(address).status_code for address in addresses()}
    assert {address: code for address, code in answers.items() if code >= 500} == {}
    allowed = 200 if caller == "root" else 401
    assert answers[f"/api/v1/mqtt/sites/{site.pk}/connection/"] == allowed
    assert answers["/api/docs/"] == 204
    assert browser.post("/api/docs/").status_code == 405


def test_every_answer_has_a_policy_and_nothing_may_frame_it(
    callers: dict[str, Any], site: Site
) -> None:
    browser = callers["root"]()
    for address in [*addresses(), "/nowhere/", "/admin/nowhere/", "/sites/999/"]:
        stated = browser.get(address, follow=False).headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in stated
        assert "default-src 'none'" in stated
        assert "script-src 'self';" in stated or "script-src" not in stated
        browser = callers["root"]()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", policy.PAGES),
        ("/login/", policy.PAGES),
        ("/nowhere/", policy.PAGES),
        ("/admin/", policy.ADMIN),
        ("/admin/nowhere/", policy.ADMIN),
        ("/api/docs/", policy.DOCS),
        ("/api/docs/?script", policy.NOTHING),
        ("/api/v1/mqtt/sites/", policy.NOTHING),
        ("/api/nowhere/", policy.NOTHING),
        ("/livez", policy.NOTHING),
        ("/metrics", policy.NOTHING),
        ("/static/sitewire/app.css", policy.NOTHING),
    ],
)
def test_each_part_has_the_policy_it_needs(
    path: str, expected: str, callers: dict[str, Any], site: Site
) -> None:
    assert callers["root"]().get(path).headers["Content-Security-Policy"] == expected


def test_an_error_page_has_one_too(
    callers: dict[str, Any], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("mqtt_app.dashboard.views.site_view", fail)
    answer = callers["root"]().get(f"/sites/{site.pk}/")
    assert (answer.status_code, answer.headers["Content-Security-Policy"]) == (500, policy.PAGES)
    refused = callers["root"]().get("/", headers={"host": "evil.example"})
    assert (refused.status_code, refused.headers["Content-Security-Policy"]) == (400, policy.PAGES)


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_nothing_is_changed_from_a_foreign_page_whatever_the_route(
    headers: dict[str, str], root: User, site: Site
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(root)
    before = fingerprint()
    for address in addresses():
        for method in ("post", "put", "patch", "delete"):
            answer = getattr(browser, method)(
                address, "{}", content_type="application/json", headers=headers
            )
            assert answer.status_code == 403, (method, address)
    assert fingerprint() == before


@pytest.mark.parametrize("address", ["/login/", "/api/v1/auth/login/", "/admin/login/"])
def test_nobody_is_logged_in_from_a_foreign_page(address: str, root: User) -> None:
    sent = {"username": root.username, "password": PASSWORD}
    refused = Client().post(address, sent, headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403
    assert "sessionid" not in refused.cookies


def test_our_own_pages_and_programs_pass(root: User, site: Site) -> None:
    own = Client()
    own.force_login(root)
    start = f"/api/v1/mqtt/sites/{site.pk}/start/"
    assert (
        own.post(
            start, headers={"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
        ).status_code
        == 202
    )
    program = Caller(root)
    assert program.call("POST", f"sites/{site.pk}/stop/").status_code == 202
    assert program.client.post(start, headers={"Origin": "app://phone"}).status_code == 202


def test_an_origin_that_the_installation_trusts_passes(
    root: User, site: Site, settings: Settings
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://proxy.example"]
    browser = Client()
    browser.force_login(root)
    answer = browser.post(
        f"/api/v1/mqtt/sites/{site.pk}/start/", headers={"Origin": "https://proxy.example"}
    )
    assert answer.status_code == 202


def test_cookies_stay_with_our_own_pages(root: User) -> None:
    browser = Client()
    answer = browser.post("/login/", {"username": root.username, "password": PASSWORD})
    assert answer.cookies["sessionid"]["samesite"] == "Lax"
    assert answer.cookies["sessionid"]["httponly"]
    assert answer.cookies["csrftoken"]["samesite"] == "Lax"
