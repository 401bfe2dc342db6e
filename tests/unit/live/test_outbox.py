import pytest

from mqtt_app.live.outbox import BoundedBuffer

pytestmark = pytest.mark.asyncio


async def test_what_was_put_is_taken_in_order() -> None:
    outbox = BoundedBuffer()
    outbox.put({"number": 1})
    outbox.put({"number": 2})
    assert await outbox.take(1) == [{"number": 1}, {"number": 2}]
    assert not outbox.overflowed()


async def test_silence_ends_after_the_timeout() -> None:
    assert await BoundedBuffer().take(0.01) == []


async def test_a_backlog_never_grows_beyond_its_limit_and_says_that_events_were_forgotten() -> None:
    outbox = BoundedBuffer(limit=3)
    for number in range(10):
        outbox.put({"number": number})
    assert len(await outbox.take(1)) <= 3
    assert outbox.overflowed()
    assert not outbox.overflowed()
