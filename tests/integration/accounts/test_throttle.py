"""Wrong log-ins, at every entrance."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from mqtt_app.conf import Config, config
from mqtt_app.models import AuditEntry, LoginCounter
from mqtt_app.services.accounts import login_throttle
from mqtt_app.services.accounts.login_throttle import LoginRefused
from tests.answers import Answer
from tests.integration.accounts.conftest import ADDRESS, api_login, page_login
from tests.integration.api.client import PASSWORD

PAGES = ("/login/", "/admin/login/")


def enter(
    entrance: str, name: str = "anna", password: str = "wrong", address: str = ADDRESS
) -> Answer:
    if entrance == "api":
        return api_login(name, password, address)
    return page_login(name, password, entrance, address)


def lock(name: str = "anna", entrance: str = "api") -> None:
    for _ in range(5):
        enter(entrance, name)


def counter(kind: str, label: str) -> LoginCounter:
    return LoginCounter.objects.get(kind=kind, label=label)


@pytest.fixture
def knobs(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Other limits for one test."""

    def use(**values: Any) -> None:
        monkeypatch.setattr(
            login_throttle, "config", lambda: Config(**{**settings.SITEWIRE, **values})
        )

    return use


@pytest.mark.parametrize("entrance", ["api", *PAGES])
def test_the_right_password_is_refused_after_five_wrong_ones_and_it_is_said(
    anna: User, entrance: str
) -> None:
    assert [enter(entrance).status_code for _ in range(5)] == [
        401 if entrance == "api" else 200
    ] * 5
    refused = enter(entrance, password=PASSWORD)
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 30
    assert b"Too many wrong tries. Try again in" in refused.content
    assert b"ask an administrator to unlock" in refused.content


@pytest.mark.parametrize("first", ["api", *PAGES])
@pytest.mark.parametrize("second", ["api", *PAGES])
def test_all_entrances_count_together(anna: User, first: str, second: str) -> None:
    for entrance in (first, second, first, second, first):
        assert enter(entrance).status_code != 429
    assert {enter(entrance, password=PASSWORD).status_code for entrance in ("api", *PAGES)} == {429}


@pytest.mark.parametrize(
    "spelling", ["ANNA", " anna ", "\uff41\uff4e\uff4e\uff41", "an\u200bna", "Anna\u00a0"]
)
def test_another_spelling_is_no_way_around(anna: User, spelling: str) -> None:
    lock()
    assert enter("api", spelling, PASSWORD).status_code == 429
    assert enter("/login/", spelling, PASSWORD).status_code == 429


def test_names_that_no_user_has_lock_alike_and_are_not_kept_in_clear(anna: User) -> None:
    answers = {
        name: [enter("api", name).content for _ in range(7)]
        for name in ("anna", "hunter2-typed-here")
    }
    assert answers["anna"] == answers["hunter2-typed-here"]
    assert not LoginCounter.objects.filter(label__icontains="hunter2").exists()
    assert "hunter2" not in str(list(LoginCounter.objects.values_list("key", "label")))


class CountingHasher(MD5PasswordHasher):
    hashed = 0

    def encode(self, password: str, salt: str) -> str:
        CountingHasher.hashed += 1
        return super().encode(password, salt)


@pytest.mark.parametrize("name", ["anna", "nobody-of-this-name"])
def test_a_name_that_no_user_has_costs_one_hash_as_well(
    anna: User, name: str, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    CountingHasher.hashed = 0
    assert enter("api", name).status_code == 401
    assert CountingHasher.hashed == 1


def test_a_locked_name_costs_no_hash(anna: User, settings: Settings) -> None:
    lock()
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    CountingHasher.hashed = 0
    assert enter("api").status_code == 429
    assert CountingHasher.hashed == 0


def test_others_at_the_same_address_go_on(anna: User, root: User) -> None:
    lock("anna")
    assert enter("api", "root", PASSWORD).status_code == 200


def test_an_address_that_sprays_names_is_locked_and_other_addresses_are_not(anna: User) -> None:
    for number in range(50):
        assert enter("api", f"name-{number}").status_code == 401
    assert enter("api", password=PASSWORD).status_code == 429
    assert enter("api", password=PASSWORD, address="198.51.100.1").status_code == 200


def test_an_account_of_ones_own_does_not_clear_an_address(
    anna: User, knobs: Callable[..., None]
) -> None:
    knobs(login_address_tries=10)
    for number in range(9):
        enter("api", f"name-{number}")
    assert enter("api", password=PASSWORD).status_code == 200
    assert enter("api", "name-10").status_code == 401
    assert enter("api", password=PASSWORD).status_code == 429


def test_an_ipv6_network_counts_as_one_address(anna: User, knobs: Callable[..., None]) -> None:
    knobs(login_address_tries=10)
    for number in range(10):
        enter("api", f"name-{number}", address=f"2001:db8::{number:x}")
    assert enter("api", password=PASSWORD, address="2001:db8::ffff").status_code == 429
    assert enter("api", password=PASSWORD, address="2001:db8:0:1::1").status_code == 200


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP"]
)
def test_a_header_gives_nobody_another_address(
    anna: User, browser: Client, header: str, knobs: Callable[..., None]
) -> None:
    knobs(login_address_tries=10)
    for number in range(10):
        body = {"username": f"name-{number}", "password": "wrong"}
        headers = {header: f"203.0.113.{number}"}
        browser.post("/api/v1/auth/login/", body, content_type="application/json", headers=headers)
    assert enter("api", password=PASSWORD).status_code == 429


def test_the_right_password_makes_up_for_earlier_slips(anna: User) -> None:
    for _ in range(3):
        assert [enter("api").status_code for _ in range(4)] == [401] * 4
        assert enter("api", password=PASSWORD).status_code == 200
    assert not LoginCounter.objects.filter(kind="name").exists()


def test_a_pause_ends_and_the_next_one_is_longer(anna: User) -> None:
    lock()
    LoginCounter.objects.update(locked_until=timezone.now())
    assert enter("api").status_code == 401
    assert 30 < int(enter("api")["Retry-After"]) <= 60


def test_tries_while_locked_prolong_nothing_but_are_counted(anna: User) -> None:
    lock()
    until = counter("name", "anna").locked_until
    for _ in range(27):
        enter("api")
    row = counter("name", "anna")
    assert row.locked_until == until
    assert row.wrong + row.refused == 32


def test_a_lock_out_is_in_the_audit_trail(anna: User) -> None:
    lock()
    entry = AuditEntry.objects.get(action="locked out")
    assert (entry.object_label, entry.address, entry.source) == ("User name anna", ADDRESS, "api")


def test_authenticate_itself_is_throttled_so_a_new_entrance_is_as_well(anna: User) -> None:
    for _ in range(5):
        assert authenticate(None, username="anna", password="wrong") is None
    with pytest.raises(LoginRefused):
        authenticate(None, username="anna", password=PASSWORD)


# Bounded


def test_random_names_do_not_make_the_table_grow_without_end(
    anna: User, knobs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    knobs(login_counters_max=40, login_address_tries=100_000)
    monkeypatch.setattr(login_throttle, "PRUNE_EVERY", 10)
    lock()
    for number in range(90):
        enter("api", f"name-{number}", address=f"10.{number}.0.1")
    assert LoginCounter.objects.count() <= 40 + 2 * 10
    assert enter("api", password=PASSWORD).status_code == 429  # the most guilty are forgotten last


def test_what_makes_no_difference_any_more_is_removed(anna: User) -> None:
    enter("api")
    now = timezone.now() + timedelta(seconds=config().login_name_forget + 1)
    assert login_throttle.prune(now) == 2
    assert not LoginCounter.objects.exists()


# Unlocked


def unlock(*arguments: str) -> None:
    call_command("unlock_logins", *arguments)


@pytest.mark.parametrize(
    "arguments", [("--user", "Anna "), ("--all",), ("--user", "anna", "--address", ADDRESS)]
)
def test_a_command_unlocks(anna: User, arguments: tuple[str, ...]) -> None:
    lock()
    unlock(*arguments)
    assert enter("api", password=PASSWORD).status_code == 200
    assert AuditEntry.objects.filter(action="unlocked", object_label="User name anna").exists()


def test_a_command_unlocks_an_address(anna: User, knobs: Callable[..., None]) -> None:
    knobs(login_address_tries=10)
    for number in range(10):
        enter("api", f"name-{number}")
    unlock("--address", ADDRESS)
    assert enter("api", password=PASSWORD).status_code == 200


@pytest.mark.parametrize("arguments", [(), ("--address", "no address")])
def test_the_command_says_what_it_needs(db: None, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        unlock(*arguments)


def test_a_superuser_unlocks_in_the_admin(anna: User, admin: Client) -> None:
    lock()
    address = "/admin/mqtt/logincounter/"
    assert b"anna" in admin.get(address).content
    chosen = {"action": "unlock", "_selected_action": [counter("name", "anna").pk]}
    assert admin.post(address, chosen).status_code == 302
    assert enter("api", password=PASSWORD).status_code == 200


def test_a_superuser_unlocks_a_user_in_the_list_of_users(anna: User, admin: Client) -> None:
    lock()
    admin.post("/admin/auth/user/", {"action": "unlock_log_ins", "_selected_action": [anna.pk]})
    assert enter("api", password=PASSWORD).status_code == 200
