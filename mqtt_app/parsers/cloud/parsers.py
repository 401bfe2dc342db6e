"""The parsers of cloud platforms."""

from mqtt_app.parsers.base import Parser
from mqtt_app.parsers.cloud import ditto
from mqtt_app.parsers.cloud.cumulocity import CumulocityParser
from mqtt_app.parsers.cloud.device_shadow import DeviceShadowParser
from mqtt_app.parsers.cloud.envelopes import EnvelopeParser
from mqtt_app.parsers.cloud.thing_model import ThingModelParser
from mqtt_app.parsers.json_forms import JsonFormParser


def cloud_parsers() -> list[Parser]:
    return [
        DeviceShadowParser(),
        ThingModelParser(),
        CumulocityParser(),
        JsonFormParser(ditto.FORM),
        EnvelopeParser(),
    ]
