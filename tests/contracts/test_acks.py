"""Reports of batches on their way from a task worker to the process that waits for them."""

from typing import Any

from mqtt_app.coordination.acks import BatchOutcome, BatchReport

FIRST = BatchReport("a" * 32, skipped=frozenset({3, 1}), postponed=frozenset({2}))
SECOND = BatchReport("b" * 32, BatchOutcome.KILLED)
THIRD = BatchReport("c" * 32, refused=frozenset({7}))


def test_every_report_arrives_once_and_in_order_with_all_that_it_says(acks: Any) -> None:
    acks.push("mqtt-1", "x", [FIRST, SECOND])
    acks.push("mqtt-1", "x", [THIRD])
    assert acks.pop("mqtt-1", "x", 0.1) == [FIRST, SECOND, THIRD]
    assert acks.pop("mqtt-1", "x", 0.1) == []


def test_each_start_of_an_instance_has_a_list_of_its_own(acks: Any) -> None:
    acks.push("mqtt-1", "old", [FIRST])
    assert acks.pop("mqtt-1", "new", 0.1) == []
    assert acks.pop("mqtt-1", "old", 0.1) == [FIRST]


def test_pushing_nothing_is_nothing(acks: Any) -> None:
    acks.push("mqtt-1", "x", [])
    assert acks.pop("mqtt-1", "x", 0.1) == []
