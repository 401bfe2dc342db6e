from collections.abc import Iterator

import pytest
import redis

from mqtt_app.coordination.client import quick_client
from tests.integration.ownership.fleet import Fleet


@pytest.fixture
def valkey() -> Iterator[redis.Redis]:
    client = quick_client()
    client.flushall()
    yield client
    client.flushall()


@pytest.fixture
def fleet(valkey: redis.Redis) -> Fleet:
    """Instances with real leases in a Valkey that has been up long enough."""
    return Fleet(valkey)
