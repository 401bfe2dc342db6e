from mqtt_app.coordination.outbox import Outbox


def test_what_comes_within_the_gathering_time_is_delivered_together():
    delivered: list[list[int]] = []
    outbox: Outbox[int] = Outbox("numbers", delivered.append, limit=100, gather=0.2)
    for number in range(10):
        outbox.put(number)
    assert outbox.flush(5)
    assert delivered == [list(range(10))]


def test_what_is_not_taken_is_tried_again_in_the_same_order():
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
