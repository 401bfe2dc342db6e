"""A worker that lives and does not get on."""

import pytest

from mqtt_app.domain.vitals import Vitals, complaint


def said(**vitals):
    return complaint(Vitals(**vitals), scan_interval=3.0, receipt_timeout=30.0)


def test_a_worker_that_gets_on_is_not_complained_about():
    assert said(last_turn=1.0, last_look=3.0, batches=4, oldest_batch=20.0) == ""


@pytest.mark.parametrize(
    ("vitals", "word"),
    [({"last_turn": 11.0}, "loop"), ({"last_look": 31.0}, "PostgreSQL"), ({"oldest_batch": 61.0}, "task workers")],
)
def test_each_standstill_is_named_with_where_to_look(vitals, word):
    assert word in said(**vitals)
