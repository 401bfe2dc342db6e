"""Which families of devices speak at a site: how many topics each parser reads, and how surely."""

from dataclasses import dataclass

from django.db.models import Avg, Count, Min, Q

from mqtt_app.models import DiscoveredTopic, Site

UNKNOWN = ""  # parser name of topics that no parser recognises


@dataclass(frozen=True, slots=True)
class Family:
    """`confidence` 0 to 1, the mean over the topics, `least` the smallest; None when it is not
    known, as of topics that no parser reads.
    """

    parser_name: str
    topics: int
    active: int
    messages_seen: bool
    confidence: float | None
    least: float | None

    @property
    def label(self) -> str:
        return family_label(self.parser_name)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Families with the most topics first, those that nobody reads last. `only_retained`: topics
    that the broker keeps and nobody published on since we listen.
    """

    families: list[Family]
    topics: int
    ignored: int
    only_retained: int

    @property
    def summary(self) -> str:
        """As in "Zigbee2MQTT 412, Tasmota 38, opaque 3"."""
        return ", ".join(f"{family.label} {family.topics:,}" for family in self.families)


_LABELS = {
    UNKNOWN: "opaque",
    "json": "unknown JSON",
    "scalar": "plain values",
    "csv": "CSV",
    "cbor": "CBOR",
    "messagepack": "MessagePack",
    "key_value": "key=value",
    "zigbee2mqtt": "Zigbee2MQTT",
    "home_assistant": "Home Assistant",
    "esphome": "ESPHome",
    "chirpstack": "ChirpStack",
    "lorawan_server": "LoRaWAN server",
    "things_stack": "The Things Stack",
    "sparkplug": "Sparkplug B",
    "senml": "SenML",
    "influx_line": "Influx line protocol",
    "thingsboard": "ThingsBoard",
    "cayenne_lpp": "Cayenne LPP",
    "rtl_433": "rtl_433",
    "openmqttgateway": "OpenMQTTGateway",
    "owntracks": "OwnTracks",
    "wiren_board": "Wiren Board",
    "wled": "WLED",
    "ems_esp": "EMS-ESP",
    "zwave_js": "Z-Wave JS UI",
    "ruuvi": "Ruuvi Gateway",
    "shelly_gen1": "Shelly Gen1",
    "shelly_gen2": "Shelly Gen2+",
    "homed": "HOMEd",
    "espresense": "ESPresense",
    "openbeken": "OpenBeken",
    "ebusd": "ebusd",
    "evcc": "evcc",
    "go_e_charger": "go-e Charger",
    "io_link": "IO-Link",
    "mqtt_smarthome": "mqtt-smarthome",
    "mysensors": "MySensors",
    "wmbusmeters": "wmbusmeters",
}


def family_label(parser_name: str) -> str:
    """For people; a parser that is not in the list goes by its own name."""
    return _LABELS.get(parser_name, parser_name.replace("_", " ").capitalize())


def fingerprint_of(site: Site) -> Fingerprint:
    """Of the topics that are neither ignored nor retired. Two queries."""
    every = DiscoveredTopic.objects.filter(connection__site=site)
    rows = (
        every.filter(is_ignored=False)
        .order_by()
        .values("is_processable", "parser_name")
        .annotate(
            topics=Count("id"),
            active=Count("id", filter=Q(is_active=True)),
            heard=Count("id", filter=Q(heard_live=True)),
            mean=Avg("confidence"),
            least=Min("confidence"),
        )
    )
    families = [
        Family(
            parser_name=row["parser_name"] if row["is_processable"] else UNKNOWN,
            topics=row["topics"],
            active=row["active"],
            messages_seen=row["heard"] > 0,
            confidence=row["mean"] if row["is_processable"] else None,
            least=row["least"] if row["is_processable"] else None,
        )
        for row in rows
    ]
    families.sort(key=lambda family: (not family.parser_name, -family.topics, family.parser_name))
    counted = every.aggregate(
        topics=Count("id"),
        ignored=Count("id", filter=Q(is_ignored=True)),
        only_retained=Count("id", filter=Q(was_retained=True, heard_live=False)),
    )
    return Fingerprint(families=families, **counted)
