"""One suite, two parts: what is written here holds for the fake and for the real one."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from mqtt_app.coordination.acks import AckList
from mqtt_app.coordination.client import blocking_client, quick_client
from mqtt_app.coordination.leases import LeaseStore
from tests.fakes.leases import FakeAckList, FakeLeaseStore

TTL = 0.4  # s


@dataclass
class Shop:
    """`store` under test, how to let `seconds` pass, and how to wipe what it stores."""

    store: Any
    let_pass: Callable[[float], None]
    wipe: Callable[[], None]


@pytest.fixture
def valkey() -> Iterator[redis.Redis]:
    client = quick_client()
    client.flushall()
    yield client
    client.flushall()


@pytest.fixture(params=["fake", "real"])
def shop(request: pytest.FixtureRequest) -> Shop:
    if request.param == "real":
        client = request.getfixturevalue("valkey")
        return Shop(LeaseStore(client, TTL), time.sleep, client.flushall)
    now = [1000.0]

    def let_pass(seconds: float) -> None:
        now[0] += seconds

    store = FakeLeaseStore(TTL, lambda: now[0])
    return Shop(store, let_pass, store.wipe)


@pytest.fixture(params=["fake", "real"])
def acks(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "fake":
        yield FakeAckList()
        return
    request.getfixturevalue("valkey")
    client = blocking_client(1.0)
    yield AckList(client)
    client.close()
