"""How wrong tries are counted, with `now` as a value."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.accounts import login_throttle as rules
from mqtt_app.domain.accounts.login_throttle import Limit, LoginRefusal, LoginTally
from tests.narrowing import kind_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT = Limit(5, timedelta(seconds=30), timedelta(hours=1), timedelta(hours=2))
BLANK = LoginTally(NOW)


def wrong(tally: LoginTally, now: datetime, limit: Limit = LIMIT) -> LoginTally:
    begun = rules.begin(tally, limit, now)
    assert isinstance(begun, LoginTally), begun
    return rules.fail(rules.settle(begun), limit, now)


def locked_for(tally: LoginTally, now: datetime) -> timedelta:
    refusal = rules.begin(tally, LIMIT, now)
    return refusal.wait if isinstance(refusal, LoginRefusal) and not refusal.busy else timedelta()


def test_four_wrong_tries_cost_nothing_and_the_fifth_locks() -> None:
    tally = BLANK
    for _ in range(4):
        tally = wrong(tally, NOW)
        assert not locked_for(tally, NOW)
    assert locked_for(wrong(tally, NOW), NOW) == timedelta(seconds=30)


def test_pauses_double_up_to_the_longest() -> None:
    tally, now, pauses = BLANK, NOW, []
    for _ in range(14):
        tally = wrong(tally, now)
        pause = locked_for(tally, now)
        pauses.append(int(pause.total_seconds()))
        now += pause
    assert pauses[:12] == [0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600]
    assert min(pauses[12:]) >= 1920


def test_after_a_pause_one_try_is_allowed_and_the_next_one_waits_again() -> None:
    tally = BLANK
    for _ in range(5):
        tally = wrong(tally, NOW)
    later = NOW + timedelta(seconds=30)
    begun = rules.begin(tally, LIMIT, later)
    assert isinstance(begun, LoginTally)
    second = rules.begin(begun, LIMIT, later)
    assert isinstance(second, LoginRefusal)
    assert second.busy


def test_tries_at_the_same_moment_are_counted_before_the_first_is_judged() -> None:
    tally, begun = BLANK, 0
    for _ in range(32):
        outcome = rules.begin(tally, LIMIT, NOW)
        if isinstance(outcome, LoginTally):
            tally, begun = outcome, begun + 1
    assert begun == LIMIT.free


def test_a_try_whose_process_died_is_a_wrong_one_after_a_minute() -> None:
    tally = BLANK
    for _ in range(5):
        tally = kind_of(LoginTally, rules.begin(tally, LIMIT, NOW))
    assert locked_for(tally, NOW + timedelta(seconds=61)) > timedelta()


def test_the_right_password_clears_a_name() -> None:
    tally = BLANK
    for _ in range(4):
        tally = wrong(tally, NOW)
    cleared = rules.forgive(tally, NOW)
    assert rules.failures(cleared, LIMIT, NOW) == 0
    assert rules.is_blank(cleared, NOW)


def test_wrong_tries_are_forgotten_one_by_one() -> None:
    tally = BLANK
    for _ in range(4):
        tally = wrong(tally, NOW)
    remembered = [
        rules.failures(tally, LIMIT, NOW + timedelta(hours=2 * number)) for number in range(5)
    ]
    assert remembered == [4, 3, 2, 1, 0]


def test_clocks_that_differ_a_little_count_no_try_twice() -> None:
    tally = BLANK
    for number in range(1, 5):
        tally = wrong(tally, NOW + timedelta(seconds=(-1) ** number))
        assert rules.failures(tally, LIMIT, NOW - timedelta(seconds=5)) == number


@given(
    st.lists(
        st.tuples(st.sampled_from(["wrong", "right", "die"]), st.integers(0, 5_000)), max_size=60
    )
)
def test_no_history_passes_more_tries_than_the_limit_or_locks_for_longer_than_the_longest(
    history: list[tuple[str, int]],
) -> None:
    tally, now, pending = BLANK, NOW, 0
    for what, seconds in history:
        now += timedelta(seconds=seconds)
        if seconds > 60:
            pending = 0
        begun = rules.begin(tally, LIMIT, now)
        if isinstance(begun, LoginRefusal):
            assert begun.wait <= LIMIT.longest
            continue
        assert rules.failures(tally, LIMIT, now) + pending < LIMIT.most + LIMIT.free
        pending += what == "die"
        settled = begun if what == "die" else rules.settle(begun)
        tally = rules.fail(settled, LIMIT, now) if what == "wrong" else settled
        tally = rules.forgive(tally, now) if what == "right" else tally
        assert tally.clear_at - now <= LIMIT.forget * LIMIT.most


@pytest.mark.parametrize(
    "spelling",
    [
        "Anna",
        " anna ",
        "ANNA",
        "\uff41\uff4e\uff4e\uff41",
        "an\u200bna",
        "an na",
        "anna\u00a0",
        "\ufeffanna",
        "ann\u00ada",
    ],
)
def test_spellings_of_one_name_are_one(spelling: str) -> None:
    assert rules.same_name(spelling) == "anna"


def test_other_names_stay_others() -> None:
    names = [
        "anna",
        "anne",
        "änna",
        "\u0430nna",
        "anna1",
        "ann-a",
    ]  # the fourth begins with a Cyrillic letter
    assert len({rules.same_name(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::9", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("testclient", ""),
    ],
)
def test_an_ipv6_address_counts_with_its_network(address: str, counted: str) -> None:
    assert rules.same_address(address) == counted


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1 second"),
        (30, "30 seconds"),
        (60, "60 seconds"),
        (90, "90 seconds"),
        (91, "2 minutes"),
        (120, "2 minutes"),
        (3_600, "60 minutes"),
        (5_400, "90 minutes"),
        (5_401, "2 hours"),
    ],
)
def test_a_wait_is_rounded_up_to_words(seconds: int, text: str) -> None:
    assert rules.in_words(seconds) == text
