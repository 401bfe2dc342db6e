"""A worker that lives and does not get on."""

from typing import Any

import pytest

from mqtt_app.domain.delivery.stalls import WaitsFor, remedy, sentence
from mqtt_app.domain.health.vitals import NOT_STORING, Vitals, complaint, stores_nothing


def said(**vitals: Any) -> str:
    return complaint(Vitals(**vitals), scan_interval=3.0, receipt_timeout=30.0)


def test_a_worker_that_gets_on_is_not_complained_about() -> None:
    assert said(last_turn=1.0, last_look=3.0, batches=4, oldest_batch=20.0) == ""


@pytest.mark.parametrize(
    ("vitals", "word"),
    [
        ({"last_turn": 11.0}, "loop"),
        ({"last_look": 31.0}, "PostgreSQL"),
        ({"oldest_batch": 61.0}, "task workers"),
        ({"not_storing": NOT_STORING + 1, "waits_for": "database"}, "the database does not answer"),
    ],
)
def test_each_standstill_is_named_with_where_to_look(
    vitals: dict[str, float | str], word: str
) -> None:
    assert word in said(**vitals)


def test_the_installation_stores_nothing_only_when_every_worker_that_waits_waits_in_vain() -> None:
    idle, busy = Vitals(), Vitals(batches=1, not_storing=NOT_STORING)
    stuck, longer = (
        Vitals(batches=1, not_storing=NOT_STORING + 1),
        Vitals(batches=1, not_storing=NOT_STORING + 9),
    )
    assert stores_nothing([]) is stores_nothing([idle]) is stores_nothing([stuck, busy]) is None
    assert stores_nothing([idle, stuck, longer]) is longer


def test_whatever_messages_wait_for_is_said_in_words_with_what_to_do() -> None:
    for waits_for in WaitsFor:
        assert sentence(waits_for)
        assert remedy(waits_for)
    assert sentence("something newer")
    assert remedy("something newer") == ""
