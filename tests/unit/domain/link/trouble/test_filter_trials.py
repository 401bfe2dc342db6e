"""Which filter a broker closes the connection for, and when it is tried again."""

from typing import Any

import msgspec
import pytest

from mqtt_app.domain.link.failures import CREDENTIALS, NETWORK, LinkFailure
from mqtt_app.domain.link.trouble import filter_trials
from mqtt_app.domain.link.trouble.filter_trials import FilterTrials, Guilty
from mqtt_app.domain.link.trouble.memory import NOTHING, LinkMemory, memory_from

GONE = LinkFailure(NETWORK, "The broker closed the connection.")
ALL = ("a", "b", "secret/#")


def test_the_third_close_names_the_one_that_was_asked_for_alone() -> None:
    trials = FilterTrials()
    for _ in range(2):
        assert not trials.is_singly
        trials = filter_trials.closed(trials, ALL, 0.0)
    assert (trials.is_singly, trials.guilty) == (True, {})
    trials = filter_trials.closed(trials, ("secret/#",), 100.0)
    assert trials.guilty == {"secret/#": Guilty(1, 400.0)}
    assert set(filter_trials.left_out(trials, 399.0)) == {"secret/#"}
    assert filter_trials.left_out(trials, 400.0) == {}


def test_one_filter_alone_is_not_at_fault_at_its_first_closes() -> None:
    once = filter_trials.closed(FilterTrials(), ("a",), 0.0)
    assert not filter_trials.closed(once, ("a",), 0.0).guilty


def test_pauses_grow_up_to_a_day() -> None:
    trials = FilterTrials(guilty={"a": Guilty(1, 0.0)})
    pauses = []
    for _ in range(5):
        trials = filter_trials.closed(trials, ("a",), 0.0)
        pauses.append(trials.guilty["a"].again_at)
    assert pauses == [1_800.0, 7_200.0, 21_600.0, 86_400.0, 86_400.0]


def test_an_answer_of_any_kind_acquits() -> None:
    trials = FilterTrials(guilty={"a": Guilty(1, 0.0), "b": Guilty(1, 0.0)})
    assert set(filter_trials.answered(trials, ["a"]).guilty) == {"b"}
    assert filter_trials.keep_wanted(trials, {"c"}).guilty == {}


@pytest.mark.parametrize(("asked", "before", "after"), [(1, 0, 0), (8, 0, 1), (9, 0, 8), (9, 8, 1)])
def test_where_each_alone_is_taken_fewer_are_asked_for_at_a_time(
    asked: int, before: int, after: int
) -> None:
    trials = filter_trials.completed(FilterTrials(closes=2, per_packet=before), asked)
    assert (trials.closes, trials.per_packet) == (0, after)


def test_a_close_is_no_matter_of_the_firewall() -> None:
    trials = FilterTrials(guilty={"a": Guilty(1, 0.0)})
    failure = filter_trials.explain(trials, ("a",), GONE)
    assert (failure.kind, failure.is_soon) == ("broker", True)
    assert failure.message.startswith("The broker closes the connection when asked for `a`.")
    refused = LinkFailure(CREDENTIALS, "not authorized", broker_code=0x87)
    assert "It said: not authorized" in filter_trials.explain(trials, ("a", "b"), refused).message


@pytest.mark.parametrize("stored", [None, [], {"trials": 7}, {"interruptions": [["x"]]}])
def test_what_cannot_be_read_is_forgotten(
    stored: dict[str, int | list[list[str]]] | list[Any] | None,
) -> None:
    assert memory_from(stored) == NOTHING


def test_a_memory_is_read_as_it_was_written() -> None:
    memory = LinkMemory(FilterTrials(1, {"a": Guilty(2, 5.0)}, 8))
    assert memory_from(msgspec.json.decode(msgspec.json.encode(memory))) == memory
