"""The Things Stack v3: `v3/<application>[@<tenant>]/devices/<device>/<up|join|down/...|...>`.

Source: https://www.thethingsindustries.com/docs/integrations/other-integrations/mqtt/ and
https://www.thethingsindustries.com/docs/integrations/data-formats/. Fields that are empty, 0 or
false are not sent, so a frame counter, port or SNR that is missing is 0. What the payload formatter
decoded is read as it is; where it decoded nothing, the normalised payload, whose units are fixed
(https://github.com/TheThingsNetwork/lorawan-devices/blob/master/lib/payload.json), or else the bare
bytes.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from mqtt_app.domain.facts import Availability, DeviceDescription, Fact, Liveness, Remark
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.lorawan.decoded import add_decoded
from mqtt_app.parsers.lorawan.uplinks import (
    MAX_GATEWAYS,
    GatewaySignal,
    add_bytes,
    add_location,
    add_metadata,
    add_signal,
    best,
    decoded_object,
    describe_gateway,
    eui,
    number,
    part,
    text,
)
from mqtt_app.parsers.tree_readings import ReadingOrigin, TreeReadings, clean_name

KINDS = frozenset(["up", "join", "down", "service", "location"])
IDENTIFIERS = b'"end_device_ids"'
PACKET_BROKER = "packetbroker"  # stands for gateways of other networks
NORMALISED_UNITS = {
    "air.temperature": "°C",
    "air.relativeHumidity": "%",
    "air.pressure": "hPa",
    "air.co2": "ppm",
    "air.lightIntensity": "lx",
    "wind.speed": "m/s",
    "wind.direction": "°",
    "soil.temperature": "°C",
    "soil.moisture": "%",
    "soil.ec": "dS/m",
    "water.temperature.current": "°C",
    "rain.cumulative": "mm",
    "rain.intensity": "mm/h",
    "battery": "V",
}


class ThingsStackTopic(msgspec.Struct, frozen=True, kw_only=True):
    """`application` with its tenant, below the prefix of the topic; `kind` of the message."""

    application: str
    device: str
    kind: str


class ThingsStackParser:
    name = "things_stack"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        known = IDENTIFIERS in sample
        if "/devices/" in topic and _address(topic) is not None:
            if known:
                return 0.9
            return 0.8
        if known and (b"_message" in sample or b"_accept" in sample):
            return 0.7
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        address = _address(message.topic)
        if not message.payload.strip() or (address and address.kind == "down"):
            return []
        tree = decoded_object(message.payload, "a message of The Things Stack")
        if "end_device_ids" not in tree and part(tree, "data", "end_device_ids"):
            tree = tree["data"]  # an event of the event stream around the message
        return list(_facts(message, tree, address))


def _address(topic: str) -> ThingsStackTopic | None:
    """From the levels of a topic, below any prefix."""
    levels = topic.split("/")
    for place, level in enumerate(levels[:-4]):
        if level == "v3" and levels[place + 2] == "devices" and levels[place + 4] in KINDS:
            return ThingsStackTopic(
                application="/".join([*levels[:place], levels[place + 1]]),
                device=levels[place + 3],
                kind=levels[place + 4],
            )
    return None


def _facts(
    message: Message, tree: dict[str, Any], address: ThingsStackTopic | None
) -> Iterator[Fact]:
    device = _device(tree, address)
    uplink = part(tree, "uplink_message") or part(tree, "uplink_normalized")
    time = parse_time(tree.get("received_at") or uplink.get("received_at"))
    if uplink:
        yield from _uplink(message, ReadingOrigin(device=device, time=time), tree, uplink)
    elif "join_accept" in tree:
        yield Availability(identifier=device, state=Liveness.ONLINE)
    elif "location_solved" in tree or "service_data" in tree:
        readings = TreeReadings()
        origin = ReadingOrigin(device=device, time=time)
        add_location(readings, origin, part(tree, "location_solved", "location"))
        readings.add_tree(origin, part(tree, "service_data", "data"), "service_data")
        yield from readings.facts
    else:
        return
    yield from _description(device, tree, uplink)


def _device(tree: dict[str, Any], address: ThingsStackTopic | None) -> str:
    """The device's EUI, or the application and the name there."""
    identifiers = part(tree, "end_device_ids")
    if address_eui := eui(text(identifiers, "dev_eui")):
        return address_eui
    application = text(part(identifiers, "application_ids"), "application_id")
    name = text(identifiers, "device_id")
    if address is not None:
        application = address.application or application
        name = name or address.device
    return f"{application or 'v3'}/{name or 'unnamed'}"


def _uplink(
    message: Message, origin: ReadingOrigin, tree: dict[str, Any], uplink: dict[str, Any]
) -> Iterator[Fact]:
    heard = best(_signals(uplink))
    if heard is not None:
        origin = msgspec.structs.replace(origin, gateway=heard.gateway)
    readings = TreeReadings()
    _add_values(readings, origin, uplink, message)
    battery = number(part(uplink, "last_battery_percentage"), "value")
    if battery is not None and not readings.has(origin, "last_battery_percentage"):
        readings.add(origin, "last_battery_percentage", battery, "%")
    for counter in ("f_cnt", "f_port"):
        add_metadata(readings, origin, counter, number(uplink, counter) or 0.0)
    add_signal(readings, origin, heard)
    yield from readings.facts
    yield from describe_gateway(heard)
    if tree.get("simulated") is True:
        yield Remark(text="the uplink was simulated: it did not come from the device")
    for warning in _warnings(uplink):
        yield Remark(text=f"the payload formatter warns: {warning}")


def _add_values(
    readings: TreeReadings, origin: ReadingOrigin, uplink: dict[str, Any], message: Message
) -> None:
    decoded = uplink.get("decoded_payload")
    normalised = uplink.get("normalized_payload")
    if decoded not in (None, {}, []):
        add_decoded(readings, origin, decoded, message)
    elif normalised:
        _add_normalised(readings, origin, normalised)
    else:
        add_bytes(readings, origin, "frm_payload", uplink.get("frm_payload"))


def _add_normalised(readings: TreeReadings, origin: ReadingOrigin, normalised: Any) -> None:
    """One measurement or a list of them, each of which may have a time of its own."""
    if isinstance(normalised, list):
        measurements = normalised
    else:
        measurements = [normalised]
    for place, measurement in enumerate(measurements):
        if not isinstance(measurement, dict):
            continue
        own = parse_time(measurement.get("time"))
        at = ReadingOrigin(device=origin.device, time=own or origin.time, gateway=origin.gateway)
        values = {key: value for key, value in measurement.items() if key != "time"}
        if place == 0 or own is not None:
            readings.add_tree(at, values, units=NORMALISED_UNITS)
        else:  # at the same time as the first, so under names of its own
            units = {f"{place}.{metric}": unit for metric, unit in NORMALISED_UNITS.items()}
            readings.add_tree(at, values, str(place), units)


def _signals(uplink: dict[str, Any]) -> list[GatewaySignal]:
    """One per antenna that heard it."""
    metadata = uplink.get("rx_metadata")
    if isinstance(metadata, list):
        heard = metadata[:MAX_GATEWAYS]
    else:
        heard = []
    is_lora = bool(part(uplink, "settings", "data_rate", "lora")) or "settings" not in uplink
    return [_signal(entry, is_lora) for entry in heard if isinstance(entry, dict)]


def _signal(entry: dict[str, Any], is_lora: bool) -> GatewaySignal:
    identifiers = part(entry, "gateway_ids")
    name = text(identifiers, "gateway_id")
    address = eui(text(identifiers, "eui"))
    if name == PACKET_BROKER:
        foreign = part(entry, "packet_broker")
        name = text(foreign, "forwarder_gateway_id") or name
        address = eui(text(foreign, "forwarder_gateway_eui")) or address
    rssi = number(entry, "rssi", "channel_rssi")
    snr = number(entry, "snr")
    return GatewaySignal(
        gateway=address or name or "unknown gateway",
        name=name,
        rssi=rssi,
        snr=0.0 if snr is None and rssi is not None and is_lora else snr,
    )


def _warnings(uplink: dict[str, Any]) -> list[str]:
    warnings = uplink.get("decoded_payload_warnings")
    if isinstance(warnings, list):
        found = warnings[:5]
    else:
        found = []
    return [warning[:200] for warning in found if isinstance(warning, str) and warning]


def _description(
    device: str, tree: dict[str, Any], uplink: dict[str, Any]
) -> Iterator[DeviceDescription]:
    identifiers = part(tree, "end_device_ids")
    versions = part(uplink, "version_ids")
    if name := clean_name(text(identifiers, "device_id")):
        yield DeviceDescription(
            device=device,
            name=name,
            manufacturer=clean_name(text(versions, "brand_id")),
            model=clean_name(text(versions, "model_id")),
            software=clean_name(text(versions, "firmware_version")),
            address=eui(text(identifiers, "dev_eui")),
        )
