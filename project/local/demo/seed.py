"""The three demo sites in the database. Idempotent: what is there is kept, only a changed port is
written.
"""

from mqtt_app.models import DiscoveredTopic, MqttConnection, Site
from mqtt_app.services import sites, topics
from project.local.demo.devices import SITES, DemoSite
from project.local.processes.ports import LOOPBACK


def seed(ports: list[int]) -> None:
    for demo, port in zip(SITES, ports, strict=True):
        connection = MqttConnection.objects.filter(site__name=demo.name).first()
        if connection is None:
            _create(demo, port)
        elif connection.broker_host == LOOPBACK and connection.broker_port != port:
            connection.broker_port = port
            sites.save_connection(connection, ["broker_port"])


def _create(demo: DemoSite, port: int) -> None:
    site = Site.objects.filter(name=demo.name).first()
    if site is None:
        site = sites.create_site({"name": demo.name, "silence_after": 60})
    values = {
        "broker_host": LOOPBACK,
        "broker_port": port,
        "protocol_version": "3.1.1",
        "is_active": True,
    }
    connection = sites.create_connection(site, values)
    for topic_filter in demo.filters:
        topics.create_topic(connection, {"filter": topic_filter, "qos": 1})
    DiscoveredTopic.objects.get_or_create(
        connection=connection, topic=demo.waiting, defaults={"is_active": False}
    )
