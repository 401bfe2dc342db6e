import time

from mqtt_app.coordination.outbox import Outbox


def test_what_comes_within_the_gathering_time_is_delivered_together() -> None:
    delivered: list[list[int]] = []
    outbox: Outbox[int] = Outbox("numbers", delivered.append, limit=100, gather=0.2)
    for number in range(10):
        outbox.put(number)
    assert outbox.flush(5)
    assert delivered == [list(range(10))]


def test_past_its_limit_the_oldest_are_given_up_and_counted_once_things_are_delivered_again() -> (
    None
):
    delivered: list[list[int]] = []
    lost: list[tuple[str, int]] = []
    away = [True]

    def deliver(items: list[int]) -> None:
        if away:
            raise OSError("away")
        delivered.append(list(items))

    outbox: Outbox[int] = Outbox(
        "numbers",
        deliver,
        limit=3,
        pause=0.01,
        report_lost=lambda what, number: lost.append((what, number)),
    )
    outbox.put(0)
    deadline = time.monotonic() + 5
    while len(outbox) and time.monotonic() < deadline:
        time.sleep(0.01)  # the thread has taken it, and holds it
    for number in range(1, 6):
        outbox.put(number)
    assert lost == []
    away.clear()
    assert outbox.flush(5)
    assert [number for items in delivered for number in items] == [0, 3, 4, 5]
    deadline = time.monotonic() + 5
    while not lost and time.monotonic() < deadline:
        time.sleep(0.01)
    assert lost == [("numbers", 2)]


def test_what_is_not_taken_is_tried_again_in_the_same_order() -> None:
    delivered: list[list[int]] = []

    def deliver(items: list[int]) -> None:
        delivered.append(list(items))
        if len(delivered) == 1:
            raise OSError("away")

    outbox: Outbox[int] = Outbox("numbers", deliver, limit=100, pause=0.01, gather=0.05)
    outbox.put(1)
    outbox.put(2)
    assert outbox.flush(5)
    assert delivered == [[1, 2], [1, 2]]
