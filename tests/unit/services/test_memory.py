"""What a process remembers between batches is changed by what is committed alone."""

import pytest

from mqtt_app.domain.dead_letters.parser_health import Window
from mqtt_app.domain.ingest.minutes import MinuteCount, count
from mqtt_app.services.ingest.memory import Draft, ProcessMemory
from mqtt_app.services.ingest.records import KnownDevice, Topic

TOPIC = Topic(1, 7, "hall/a", True, True, "json")
DEVICE = KnownDevice(2, 3, "hall/a")
KEY = (7, "hall/a")


@pytest.fixture
def memory() -> ProcessMemory:
    return ProcessMemory()


def filled(draft: Draft) -> Draft:
    draft.topics[TOPIC.key] = TOPIC
    draft.devices[DEVICE.key] = DEVICE
    count(draft.logged, KEY, 60.0)
    count(draft.raw, (3, "json"), 60.0)
    draft.parsed[3, "json"] = Window(60.0, 5)
    return draft


def test_a_draft_that_is_dropped_leaves_nothing(memory: ProcessMemory) -> None:
    draft = Draft(memory, believes=True)
    filled(draft.part())
    filled(Draft(memory, believes=True))
    draft.keep()
    assert memory.topics.known([KEY]) == {}
    assert memory.devices.known([DEVICE.key]) == {}
    assert (memory.logged, memory.raw, memory.parsed) == ({}, {}, {})


def test_a_part_that_is_accepted_is_remembered_once_the_whole_is_kept(
    memory: ProcessMemory,
) -> None:
    draft = Draft(memory, believes=True)
    draft.accept(filled(draft.part()))
    assert memory.topics.known([KEY]) == {}
    draft.keep()
    assert memory.topics.known([KEY]) == {KEY: TOPIC}
    assert memory.devices.known([DEVICE.key]) == {DEVICE.key: DEVICE}
    assert memory.logged == {KEY: MinuteCount(1, 1)}
    assert memory.raw == {(3, "json"): MinuteCount(1, 1)}
    assert memory.parsed == {(3, "json"): Window(60.0, 5)}


def test_a_part_counts_on_top_of_what_was_counted_before_it(memory: ProcessMemory) -> None:
    memory.logged[KEY] = MinuteCount(1, 4)
    draft = Draft(memory, believes=True)
    assert count(draft.logged, KEY, 60.0) == 4
    part = draft.part()
    assert count(part.logged, KEY, 119.9) == 5
    assert count(draft.part().logged, KEY, 60.0) == 5
    assert count(part.logged, KEY, 120.0) == 0
    assert memory.logged == {KEY: MinuteCount(1, 4)}


def test_a_careful_attempt_believes_nothing_that_is_remembered(memory: ProcessMemory) -> None:
    filled(Draft(memory, believes=True)).keep()
    assert Draft(memory, believes=True).known_topics([KEY]) == {KEY: TOPIC}
    careful = Draft(memory, believes=False)
    assert careful.known_topics([KEY]) == {}
    assert careful.known_devices([DEVICE.key]) == {}
    assert careful.part().known_topics([KEY]) == {}


def test_stale_rows_are_forgotten_and_counts_are_not(memory: ProcessMemory) -> None:
    filled(Draft(memory, believes=True)).keep()
    memory.forget_rows()
    assert memory.topics.known([KEY]) == {}
    assert memory.logged == {KEY: MinuteCount(1, 1)}
    memory.forget()
    assert (memory.logged, memory.raw, memory.parsed) == ({}, {}, {})
