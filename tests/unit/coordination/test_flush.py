"""Whether anything is still to be delivered: nothing before the first item, and nothing after the
last.
"""

import threading

from mqtt_app.coordination.client import quick_client
from mqtt_app.coordination.nudges import Nudger
from mqtt_app.coordination.outbox import Outbox


def test_without_an_item_there_is_nothing_to_wait_for() -> None:
    outbox: Outbox[int] = Outbox("numbers", lambda items: None, limit=1)
    assert outbox.flush(0)
    assert (len(outbox), outbox.dropped) == (0, 0)


def test_without_a_nudge_there_is_nothing_to_wait_for() -> None:
    assert Nudger(quick_client).flush(0)


def test_what_is_being_delivered_is_waited_for() -> None:
    begun, leave = threading.Event(), threading.Event()

    def deliver(items: list[int]) -> None:
        begun.set()
        leave.wait(10)

    outbox: Outbox[int] = Outbox("numbers", deliver, limit=10)
    outbox.put(1)
    assert begun.wait(10)
    assert not outbox.flush(0.05)
    leave.set()
    assert outbox.flush(10)


def test_at_its_limit_nothing_is_given_up_and_one_beyond_it_the_oldest() -> None:
    begun, leave, delivered = threading.Event(), threading.Event(), []
    lost = threading.Event()

    def deliver(items: list[int]) -> None:
        begun.set()
        leave.wait(10)
        delivered.extend(items)

    outbox: Outbox[int] = Outbox(
        "numbers", deliver, limit=2, report_lost=lambda what, number: lost.set()
    )
    outbox.put(0)
    assert begun.wait(10)
    for number, dropped in ((1, 0), (2, 0), (3, 1), (4, 2)):
        outbox.put(number)
        assert outbox.dropped == dropped
    leave.set()
    assert lost.wait(10)
    assert outbox.flush(10)
    assert delivered == [0, 3, 4]
