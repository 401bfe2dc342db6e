from mqtt_app.domain.delivery.broker_queue import lasts, said


def test_a_queue_lasts_as_long_as_its_limit_at_the_present_rate() -> None:
    assert lasts(1_000, 12.5) == 80.0
    assert "12.5 messages a second the broker's queue of 1,000 is full after 80 s" in said(
        1_000, 12.5
    )


def test_without_messages_it_is_only_said_how_many_it_holds() -> None:
    assert lasts(1_000, 0.0) is lasts(1_000, None) is None
    assert said(1_000, 0.0).startswith("The broker queues 1,000 messages")


def test_an_unknown_limit_comes_with_where_to_find_it() -> None:
    assert lasts(None, 5.0) is None
    assert "max_queued_messages" in said(None, 5.0)
