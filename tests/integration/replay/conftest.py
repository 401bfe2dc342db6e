"""A site whose parser failed, and a neighbour."""

import pytest

from mqtt_app.models import MqttConnection, Site
from mqtt_app.parsers.registry import Registry
from mqtt_app.services.ingest.memory import PROCESS
from mqtt_app.services.ingest.parsing import parsers
from tests.integration.api.client import Caller, connected_site, superuser
from tests.integration.ingest.flaky import Flaky


class Other(Flaky):
    """Reads everything that Flaky reads, as another metric."""

    name = "other"

    def matches(self, topic: str, sample: bytes) -> float:
        return 0.0


@pytest.fixture
def parser(monkeypatch: pytest.MonkeyPatch) -> Flaky:
    """The only parser that recognises anything; `other` is installed beside it."""
    flaky = Flaky()
    monkeypatch.setattr(parsers, "installed", lambda: Registry([flaky, Other()]))
    PROCESS.forget()
    return flaky


@pytest.fixture
def site(db: None) -> Site:
    return connected_site()


@pytest.fixture
def link(site: Site) -> MqttConnection:
    return _owned(site)


@pytest.fixture
def neighbour(db: None) -> MqttConnection:
    return _owned(connected_site("Elsewhere"))


@pytest.fixture
def root(db: None) -> Caller:
    return Caller(superuser())


def _owned(site: Site) -> MqttConnection:
    connection = site.connection
    MqttConnection.objects.filter(pk=connection.pk).update(generation=3, owner="mqtt-1")
    connection.refresh_from_db()
    return connection
