"""Tries to log in at the same moment, at one entrance or at several, are counted one by one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection

from mqtt_app.models import LoginCounter
from mqtt_app.services.accounts import login_throttle
from mqtt_app.services.accounts.login_throttle import LoginRefused
from tests.integration.accounts.conftest import ADDRESS, api_login

WRONG = "wrong"


def in_parallel(number: int, work: Callable[[int], int]) -> list[int]:
    def run(item: int) -> int:
        try:
            return work(item)
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


@pytest.mark.django_db(transaction=True)
def test_thirty_two_tries_at_the_same_moment_count_as_thirty_two(anna: User) -> None:
    codes = in_parallel(32, lambda _: api_login(password=WRONG).status_code)
    assert codes.count(401) == 5
    assert codes.count(429) == 27
    assert api_login().status_code == 429
    row = LoginCounter.objects.get(kind="name", label="anna")
    assert row.pending == 0
    assert row.wrong == 5


@pytest.mark.parametrize("right", [False, True])
def test_the_last_free_try_is_taken_while_it_is_pending_at_another_entrance(
    anna: User, right: bool
) -> None:
    """Flower judges at once, the others hash first: together they still have five tries."""
    for _ in range(4):
        api_login(password=WRONG)
    attempt = login_throttle.of_login("anna", ADDRESS)

    def verify() -> bool:
        with pytest.raises(LoginRefused, match="at the same moment"):
            login_throttle.judge(attempt, right=right)
        return False

    assert not login_throttle.checked(attempt, verify)
    with pytest.raises(LoginRefused, match="Too many wrong tries"):
        login_throttle.judge(attempt, right=right)


@pytest.mark.django_db(transaction=True)
def test_right_passwords_at_the_same_moment_all_pass(anna: User) -> None:
    assert in_parallel(8, lambda _: api_login().status_code) == [200] * 8
    assert not LoginCounter.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_names_and_addresses_in_any_mixture_do_not_deadlock(anna: User) -> None:
    def work(item: int) -> int:
        return api_login(f"name-{item % 3}", WRONG, address=f"192.0.2.{item % 4}").status_code

    assert set(in_parallel(24, work)) <= {401, 429}
    assert sum(LoginCounter.objects.filter(kind="name").values_list("wrong", flat=True)) == 15
