"""The parsers that come with Sitewire."""

from mqtt_app.parsers.base import Parser
from mqtt_app.parsers.binary_trees import CborParser, MessagePackParser
from mqtt_app.parsers.ble_gateways import BleGatewayParser
from mqtt_app.parsers.building import building_parsers
from mqtt_app.parsers.cloud.parsers import cloud_parsers
from mqtt_app.parsers.delimited import CsvParser
from mqtt_app.parsers.espresense import EspresenseParser
from mqtt_app.parsers.home import home_parsers
from mqtt_app.parsers.industry import opc_ua, tag_lists, telegraf
from mqtt_app.parsers.influx_line import InfluxLineParser
from mqtt_app.parsers.json_forms import JsonFormParser
from mqtt_app.parsers.json_objects import JsonParser
from mqtt_app.parsers.key_value import KeyValueParser
from mqtt_app.parsers.lorawan.cayenne_lpp import CayenneLppParser
from mqtt_app.parsers.lorawan.chirpstack import ChirpStackParser
from mqtt_app.parsers.lorawan.milesight import MilesightParser
from mqtt_app.parsers.lorawan.network_servers import NetworkServerParser
from mqtt_app.parsers.lorawan.things_stack import ThingsStackParser
from mqtt_app.parsers.meshtastic import MeshtasticParser
from mqtt_app.parsers.openmqttgateway import OpenMqttGatewayParser
from mqtt_app.parsers.owntracks import OwnTracksParser
from mqtt_app.parsers.rtl433 import Rtl433Parser
from mqtt_app.parsers.ruuvi import RuuviParser
from mqtt_app.parsers.scalar import ScalarParser
from mqtt_app.parsers.senml import SenmlParser
from mqtt_app.parsers.sparkplug.parser import SparkplugParser
from mqtt_app.parsers.teltonika import TeltonikaParser
from mqtt_app.parsers.thingsboard import ThingsBoardParser


def built_ins() -> list[Parser]:
    """In the order in which ties are decided: families first, then formats, then plain values."""
    return [
        *home_parsers(),
        *building_parsers(),
        *cloud_parsers(),
        ThingsStackParser(),
        ChirpStackParser(),
        ThingsBoardParser(),
        SparkplugParser(),
        Rtl433Parser(),
        OpenMqttGatewayParser(),
        RuuviParser(),
        MeshtasticParser(),
        OwnTracksParser(),
        TeltonikaParser(),
        EspresenseParser(),
        BleGatewayParser(),
        MilesightParser(),
        NetworkServerParser(),
        *map(JsonFormParser, (opc_ua.FORM, *tag_lists.FORMS, telegraf.FORM)),
        SenmlParser(),
        InfluxLineParser(),
        CborParser(),
        MessagePackParser(),
        CayenneLppParser(),
        JsonParser(),
        KeyValueParser(),
        CsvParser(),
        ScalarParser(),
    ]
