import pytest

from mqtt_app.models import MqttConnection, Site


@pytest.fixture
def link() -> MqttConnection:
    site = Site.objects.create(name="Lab")
    return MqttConnection.objects.create(site=site, broker_host="broker.example", generation=3, owner="mqtt-1")
