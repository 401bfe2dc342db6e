"""The parsers of home automation: bridges, firmwares of switches and lamps, and their servers."""

from mqtt_app.parsers.base import Parser
from mqtt_app.parsers.domoticz import DomoticzParser
from mqtt_app.parsers.frigate import FrigateParser
from mqtt_app.parsers.home_assistant import HomeAssistantParser, StatestreamParser
from mqtt_app.parsers.homed import HomedParser
from mqtt_app.parsers.openbeken import OpenBekenParser
from mqtt_app.parsers.tasmota import TasmotaParser
from mqtt_app.parsers.wled import WledParser
from mqtt_app.parsers.zigbee2mqtt import Zigbee2MqttParser
from mqtt_app.parsers.zwave_js import ZWaveJsParser


def home_parsers() -> list[Parser]:
    """In the order in which ties are decided."""
    return [
        HomeAssistantParser(),
        StatestreamParser(),
        Zigbee2MqttParser(),
        TasmotaParser(),
        ZWaveJsParser(),
        FrigateParser(),
        WledParser(),
        DomoticzParser(),
        OpenBekenParser(),
        HomedParser(),
    ]
