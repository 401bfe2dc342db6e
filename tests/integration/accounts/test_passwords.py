"""A forgotten password: by e-mail, by a link of an administrator; and accounts that are switched
off.
"""

import re
import time
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.mail.message import EmailMultiAlternatives
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from mqtt_app.models import ApiToken, AuditEntry
from mqtt_app.services.accounts import reset_mail
from tests.answers import Answer
from tests.integration.accounts.conftest import ADDRESS, api, api_login, browser_of, users
from tests.integration.api.client import PASSWORD
from tests.narrowing import present

NEW = "a-new-long-secret"
RESET = "/password-reset/"
SITES = "/api/v1/mqtt/sites/"


@pytest.fixture
def mails(settings: Settings) -> list[Any]:
    settings.HAS_MAIL = True
    mail.outbox.clear()
    return mail.outbox


def ask(browser: Client, email: str, **more: Any) -> Answer:
    answer = browser.post(RESET, {"email": email}, **more)
    assert reset_mail.flush(10)
    return answer


def link_of(user: User) -> str:
    out = StringIO()
    call_command("reset_password_link", user.get_username(), stdout=out, stderr=StringIO())
    return out.getvalue().strip()


def follow(link: str, new: str = NEW, **values: str) -> Answer:
    """As a browser does: the token goes from the address into the session, then the form is sent."""
    browser = Client(REMOTE_ADDR=ADDRESS)
    shown = browser.get(link, follow=True)
    if not shown.redirect_chain:
        return shown
    return browser.post(
        shown.redirect_chain[-1][0], {"new_password1": new, "new_password2": new, **values}
    )


def test_a_link_comes_by_mail_and_sets_the_password_once(
    anna: User, browser: Client, mails: list[Any]
) -> None:
    assert ask(browser, "Anna@example.org")["Location"] == "/password-reset/sent/"
    (sent,) = mails
    assert sent.to == ["anna@example.org"]
    link = present(re.search(r"http://testserver(/\S+)", sent.body)).group(1)
    assert follow(link)["Location"] == "/password-reset/done/"
    assert api_login(password=NEW).status_code == 200
    assert b"This link has ended" in follow(link).content


def test_whether_there_is_such_a_user_cannot_be_told(
    anna: User, browser: Client, mails: list[Any]
) -> None:
    known, unknown = ask(browser, "anna@example.org"), ask(browser, "nobody@example.org")
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert len(mails) == 1


def test_a_mail_server_that_does_not_answer_is_nobody_s_wait(
    anna: User, browser: Client, mails: list[Any], settings: Settings
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.SlowBackend"
    started = time.monotonic()
    assert browser.post(RESET, {"email": "anna@example.org"}).status_code == 302
    assert time.monotonic() - started < SlowBackend.seconds
    assert reset_mail.flush(20)


class SlowBackend:
    seconds = 4.0

    def __init__(self, **_: bool) -> None:
        pass

    def send_messages(self, _messages: list[EmailMultiAlternatives]) -> None:
        time.sleep(self.seconds)
        raise OSError("no answer")


def test_asking_often_is_refused_and_locks_nobody_s_log_in(
    anna: User, browser: Client, mails: list[Any]
) -> None:
    codes = [ask(browser, "anna@example.org").status_code for _ in range(7)]
    assert codes == [302] * 5 + [429] * 2
    assert len(mails) == 5
    assert [ask(browser, "x@example.org").status_code for _ in range(6)] == [302] * 5 + [429]
    assert api_login().status_code == 200


def test_a_link_names_no_host_that_is_not_ours(
    anna: User, browser: Client, mails: list[Any]
) -> None:
    assert (
        browser.post(
            RESET, {"email": "anna@example.org"}, headers={"host": "evil.example"}
        ).status_code
        == 400
    )
    assert not mails


def test_without_a_mail_server_the_page_says_whom_to_ask(anna: User, browser: Client) -> None:
    mail.outbox.clear()
    assert b"Ask an administrator" in browser.get(RESET).content
    assert b"Ask an administrator" in ask(browser, "anna@example.org").content
    assert not mail.outbox


# Links


def test_a_command_makes_a_link_that_works_once(anna: User) -> None:
    link = link_of(anna)
    assert follow(link).status_code == 302
    assert api_login(password=NEW).status_code == 200
    assert b"This link has ended" in follow(link).content


def test_the_link_ends_what_the_old_password_opened_and_unlocks(anna: User) -> None:
    session = browser_of(anna)
    _, text = ApiToken.objects.create(anna)
    for _ in range(6):
        api_login(password="wrong")
    follow(link_of(anna))
    assert session.get("/").status_code == 302
    assert api(text, "GET", SITES).status_code == 401
    assert api_login(password=NEW).status_code == 200
    assert list(AuditEntry.objects.filter(action="password reset").values_list("object_label")) == [
        ("anna",)
    ]


def test_tokens_are_kept_where_the_user_says_so(anna: User) -> None:
    _, text = ApiToken.objects.create(anna)
    follow(link_of(anna), keep_tokens="on")
    assert api(text, "GET", SITES).status_code == 200


def test_a_link_ends_when_the_user_logs_in_otherwise(anna: User) -> None:
    link = link_of(anna)
    Client().post("/login/", {"username": "anna", "password": PASSWORD})
    assert b"This link has ended" in follow(link).content


@pytest.mark.parametrize(
    "link",
    ["/password-reset/MQ/abc-def/", "/password-reset/x/set-password/", "/password-reset/\x00/a/"],
)
def test_a_made_up_link_is_none(anna: User, link: str) -> None:
    answer = Client().get(link)
    assert answer.status_code in {200, 404}
    assert answer.status_code == 404 or b"This link has ended" in answer.content


def test_the_command_says_what_is_wrong(anna: User) -> None:
    with pytest.raises(CommandError, match="no user"):
        call_command("reset_password_link", "nobody")
    with pytest.raises(CommandError, match="--base-url"):
        call_command("reset_password_link", "anna", "--base-url", "sitewire.example")
    users().update(is_active=False)
    with pytest.raises(CommandError, match="deactivated"):
        call_command("reset_password_link", "anna")


def test_the_command_names_the_installation_s_address(anna: User, settings: Settings) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://sitewire.example"]
    assert link_of(anna).startswith("https://sitewire.example/password-reset/")


def test_a_superuser_makes_the_link_in_the_admin(anna: User, admin: Client) -> None:
    page = admin.post(
        "/admin/auth/user/", {"action": "make_password_links", "_selected_action": [anna.pk]}
    )
    link = present(
        re.search(r"<code>http://testserver(/[^<]+)</code>", page.content.decode())
    ).group(1)
    assert follow(link).status_code == 302
    assert api_login(password=NEW).status_code == 200


def test_a_password_that_is_set_in_a_shell_or_by_django_s_command_ends_tokens_as_well(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, text = ApiToken.objects.create(anna)
    monkeypatch.setattr("getpass.getpass", lambda **_: NEW)
    call_command("changepassword", "anna", stdout=StringIO())
    assert api(text, "GET", SITES).status_code == 401
    assert AuditEntry.objects.filter(
        action="password set", object_label="anna", source="command"
    ).exists()


def test_a_hash_that_is_only_made_anew_ends_nothing(anna: User, settings: Settings) -> None:
    _, text = ApiToken.objects.create(anna)
    weak = "django.contrib.auth.hashers.MD5PasswordHasher"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", weak]
    assert api_login().status_code == 200
    anna.refresh_from_db()
    assert anna.password.startswith("pbkdf2")
    assert api(text, "GET", SITES).status_code == 200


# The admin


def test_a_password_that_a_superuser_sets_ends_sessions_and_tokens(
    anna: User, admin: Client
) -> None:
    session = browser_of(anna)
    _, text = ApiToken.objects.create(anna)
    body = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    assert admin.post(f"/admin/auth/user/{anna.pk}/password/", body).status_code == 302
    assert session.get("/").status_code == 302
    assert api(text, "GET", SITES).status_code == 401
    assert AuditEntry.objects.filter(action="password changed", object_label="anna").exists()


def test_a_deactivated_user_is_out_at_once_and_stays_so_when_activated_again(
    anna: User, admin: Client
) -> None:
    session = browser_of(anna)
    _, text = ApiToken.objects.create(anna)
    save(admin, anna, is_active=None)
    assert session.get("/").status_code == 302
    assert api(text, "GET", SITES).status_code == 401
    assert api_login().status_code == 401
    save(admin, anna, is_active="on")
    assert session.get("/").status_code == 302
    assert api(text, "GET", SITES).status_code == 401
    assert api_login().status_code == 200
    assert not [
        row
        for row in Session.objects.all()
        if row.get_decoded().get("_auth_user_id") == str(anna.pk)
    ]


def test_the_admin_shows_tokens_without_digest_and_only_revokes_them(
    anna: User, admin: Client
) -> None:
    row, text = ApiToken.objects.create(anna, name="Grafana")
    for path in ("/admin/mqtt/apitoken/", f"/admin/mqtt/apitoken/{row.pk}/change/"):
        page = admin.get(path)
        assert b"Grafana" in page.content
        assert row.digest[:12].encode() not in page.content
        assert row.token_key.encode() not in page.content
    assert admin.get("/admin/mqtt/apitoken/add/").status_code == 403
    assert (
        admin.post(f"/admin/mqtt/apitoken/{row.pk}/change/", {"digest": "0" * 128}).status_code
        == 403
    )
    assert admin.post(f"/admin/mqtt/apitoken/{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert api(text, "GET", SITES).status_code == 401
    assert AuditEntry.objects.filter(action="revoked", object_id=str(row.pk)).exists()


@pytest.mark.parametrize("path", ["mqtt/apitoken/", "mqtt/logincounter/", "auth/user/"])
def test_staff_that_is_no_superuser_sees_none_of_it(
    anna: User, logged_in: Client, path: str
) -> None:
    anna.user_permissions.set(Permission.objects.all())
    assert logged_in.get(f"/admin/{path}").status_code == 403


def save(admin: Client, user: User, **values: Any) -> None:
    address = f"/admin/auth/user/{user.pk}/change/"
    form = admin.get(address).context["adminform"].form
    fields = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    body = {name: value for name, value in fields.items() if value not in (None, False, [])}
    for name in ("last_login", "date_joined"):
        value = body.pop(name, None)
        if value:
            body |= {f"{name}_0": f"{value:%Y-%m-%d}", f"{name}_1": f"{value:%H:%M:%S}"}
    body |= values
    body = {name: value for name, value in body.items() if value is not None}
    answer = admin.post(address, body)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
