import pytest

from mqtt_app.models import MqttConnection, Site
from mqtt_app.parsers.registry import Registry
from mqtt_app.services.ingest.memory import PROCESS
from mqtt_app.services.ingest.parsing import parsers
from tests.integration.ingest.flaky import Flaky
from tests.integration.ingest.scripted import Scripted, install


@pytest.fixture
def link() -> MqttConnection:
    site = Site.objects.create(name="Lab")
    return MqttConnection.objects.create(
        site=site, broker_host="broker.example", generation=3, owner="mqtt-1"
    )


@pytest.fixture
def healthy() -> MqttConnection:
    """Of another site."""
    site = Site.objects.create(name="Healthy")
    return MqttConnection.objects.create(
        site=site, broker_host="broker.example", generation=3, owner="mqtt-1"
    )


@pytest.fixture
def parser(monkeypatch: pytest.MonkeyPatch) -> Flaky:
    """The only parser there is."""
    flaky = Flaky()
    monkeypatch.setattr(parsers, "installed", lambda: Registry([flaky]))
    PROCESS.forget()
    return flaky


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Beside the parsers that there are."""
    return install(monkeypatch)
