from collections.abc import Iterator

import pytest
from django.utils import timezone

from mqtt_app.domain.link.addresses import AddressPolicy
from mqtt_app.models import Site
from mqtt_app.mqtt.link.guard import BrokerGuard
from mqtt_app.mqtt.probe.deadline import ProbeTimeouts
from mqtt_app.mqtt.probe.dialing import ProbeTools
from mqtt_app.services.probes import requests
from tests.fakes.picky import PickyBroker
from tests.integration.api.client import Caller, connected_site, member_of, superuser

QUICK = ProbeTimeouts(look_up=1, tcp=1, tls=1, connack=1, suback=1, message=0.5, total=15)


@pytest.fixture
def tools() -> ProbeTools:
    """With short patience, for brokers on this machine."""
    return ProbeTools(lambda *_: "", 1_000_000, timeouts=QUICK)


@pytest.fixture
def guarded() -> ProbeTools:
    """As an installation has it that lists nothing."""
    return ProbeTools(BrokerGuard(AddressPolicy(), ()), 1_000_000, timeouts=QUICK)


@pytest.fixture(autouse=True)
def nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests wait until a test of ours works them off."""
    monkeypatch.setattr(requests, "_hooks", [])


@pytest.fixture
def broker() -> Iterator[PickyBroker]:
    running = PickyBroker()
    yield running
    running.stop()


@pytest.fixture
def site(broker: PickyBroker) -> Site:
    return connected_site(
        broker_host="127.0.0.1",
        broker_port=broker.port,
        is_active=True,
        status="connected",
        connected_at=timezone.now(),
        password="canary-stored",
    )


@pytest.fixture
def root(db: None) -> Caller:
    return Caller(superuser())


@pytest.fixture
def member(site: Site) -> Caller:
    return Caller(member_of(site))
