"""How long the queue of a broker lasts."""

import pytest

from mqtt_app.domain.delivery.broker_queue import lasts


@pytest.mark.parametrize(
    ("limit", "rate", "seconds"),
    [(1_000, 10.0, 100.0), (1_000, 0.0, None), (None, 10.0, None), (0, 2.0, 0.0)],
)
def test_a_broker_queue_lasts_for_its_length_over_the_rate(
    limit: int | None, rate: float, seconds: float | None
) -> None:
    assert lasts(limit, rate) == seconds
