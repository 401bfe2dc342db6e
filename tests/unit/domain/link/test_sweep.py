import pytest

from mqtt_app.domain.link import sweep
from mqtt_app.domain.link.sweep import Sweep


def test_what_comes_twice_is_a_copy_and_another_value_of_the_topic_is_not() -> None:
    one = Sweep()
    one.begin(0.0)
    assert [one.is_copy("a", payload, 1.0) for payload in (b"1", b"1", b"2", b"1")] == [
        False,
        True,
        False,
        True,
    ]


def test_without_a_subscription_nothing_is_a_copy() -> None:
    one = Sweep()
    assert not one.is_copy("a", b"1", 1.0)
    assert not one.is_copy("a", b"1", 1.0)


def test_after_a_pause_or_a_minute_equal_messages_are_two() -> None:
    quiet = Sweep()
    quiet.begin(0.0)
    assert not quiet.is_copy("a", b"1", 1.0)
    assert not quiet.is_copy("a", b"1", 1.0 + sweep.QUIET + 0.1)
    busy = Sweep()
    busy.begin(0.0)
    for second in range(int(sweep.LENGTH) + 1):
        busy.is_copy("a", b"%d" % second, float(second))
    assert not busy.is_copy("a", b"1", sweep.LENGTH + 1)


def test_when_its_time_is_over_it_forgets_and_not_before() -> None:
    one = Sweep()
    one.begin(0.0)
    assert not one.is_copy("a", b"1", 1.0)
    one.end(sweep.LENGTH - 1)
    assert one.is_copy("a", b"1", 2.0)
    one.end(sweep.LENGTH)
    assert not one.is_copy("a", b"1", 3.0)


def test_no_more_are_remembered_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "MOST", 2)
    one = Sweep()
    one.begin(0.0)
    assert not any(one.is_copy("a", payload, 1.0) for payload in (b"1", b"2", b"3", b"3"))
    assert one.is_copy("a", b"1", 1.0)
