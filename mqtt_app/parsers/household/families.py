"""Families that a table describes.

- Nuki locks: https://developer.nuki.io/t/mqtt-api-specification-v1-4/19223
- TeslaMate: https://docs.teslamate.org/docs/integrations/mqtt
- AI-on-the-edge, a camera that reads meters:
  https://jomjol.github.io/AI-on-the-edge-device-docs/MQTT-API/
- HeishaMon for heat pumps of Panasonic: https://github.com/heishamon/HeishaMon
- OTGW-firmware, a gateway of OpenTherm: https://github.com/rvdbreemen/OTGW-firmware
- SolarAssistant: https://solar-assistant.io/help/integration/mqtt
"""

import re

from mqtt_app.domain.facts import Liveness
from mqtt_app.parsers.topic_family import WILL, TopicFamily

CONNECTED = {"true": Liveness.ONLINE, "false": Liveness.OFFLINE}

NUKI = TopicFamily(
    name="nuki",
    hints=("nuki/",),
    topics=re.compile(
        r"(?P<device>(?:.+/)?nuki/[0-9A-Fa-f]{6,10})/(?P<metric>[A-Za-z]+)", re.ASCII
    ),
    units={"batteryChargeState": "%", "keypadBatteryChargeState": "%"},
    written=frozenset({"lockActionEvent"}),
    diagnostic=frozenset({"serverConnected", "wifiRssi"}),
    ignored=frozenset({"timestamp", "deviceType", "commandResponse"}),
    asked=frozenset({"lockAction", "lock", "unlock", "query"}),
    states={"connected": CONNECTED},
    described={"name": "name", "firmware": "software"},
    manufacturer="Nuki",
)

TESLAMATE = TopicFamily(
    name="teslamate",
    hints=("teslamate/",),
    topics=re.compile(
        r"(?P<device>(?:.+/)?teslamate/(?:[^/]+/)?cars/[0-9]+)/(?P<metric>[a-z0-9_]+)", re.ASCII
    ),
    units={
        "battery_level": "%",
        "usable_battery_level": "%",
        "charge_limit_soc": "%",
        "charger_power": "kW",
        "power": "kW",
        "charge_energy_added": "kWh",
        "charger_voltage": "V",
        "charger_actual_current": "A",
        "charge_current_request": "A",
        "est_battery_range_km": "km",
        "rated_battery_range_km": "km",
        "ideal_battery_range_km": "km",
        "odometer": "km",
        "speed": "km/h",
        "temp": "°C",
        "elevation": "m",
        "heading": "°",
        "latitude": "°",
        "longitude": "°",
        "time_to_full_charge": "h",
    },
    written=frozenset({"state", "geofence", "shift_state", "trim_badging", "exterior_color"}),
    ignored=frozenset({"since", "healthy", "scheduled_charging_start_time"}),
    states={
        "state": {
            "offline": Liveness.OFFLINE,
            "asleep": Liveness.ASLEEP,
            "online": Liveness.ONLINE,
        }
    },
    states_are_readings=True,
    described={"display_name": "name", "model": "model", "version": "software"},
    manufacturer="Tesla",
)

AI_ON_THE_EDGE = TopicFamily(
    name="ai_on_the_edge",
    hints=("meter/",),
    topics=re.compile(
        r"(?P<device>(?:.+/)?(?:watermeter|gasmeter|powermeter|electricitymeter))"
        r"/(?P<metric>connection|MAC|IP|[Hh]ostname|[Ii]nterval|[Uu]ptime|[Ff]reeMem"
        r"|wifi(?:RSSI|rssi)|CPU[Tt]emp|[^/]+/(?:value|raw|error|rate|rate_per_[a-z_]+|changeabsolut|timestamp|json"
        r"|problem))",
        re.ASCII,
    ),
    units={"wifirssi": "dBm", "wifiRSSI": "dBm", "CPUTemp": "°C", "CPUtemp": "°C", "uptime": "s"},
    written=frozenset({"error", "IP", "MAC", "hostname", "Hostname"}),
    diagnostic=frozenset(
        {
            "wifirssi",
            "wifiRSSI",
            "CPUTemp",
            "CPUtemp",
            "uptime",
            "Uptime",
            "freeMem",
            "FreeMem",
            "IP",
            "hostname",
            "Hostname",
            "interval",
            "Interval",
            "error",
        }
    ),
    ignored=frozenset({"timestamp", "json"}),
    asked=frozenset({"ctrl", "cmd", "set", "get"}),
    states={
        "connection": {
            "connected": Liveness.ONLINE,
            "connection lost": Liveness.OFFLINE,
            "disconnected": Liveness.OFFLINE,
        }
    },
    described={"MAC": "address"},
)

HEISHAMON = TopicFamily(
    name="heishamon",
    hints=("panasonic_heat_pump/",),
    topics=re.compile(
        r"(?P<device>(?:.+/)?panasonic_heat_pump)/(?P<metric>LWT|ip|log|raw/.+|(?:main|extra"
        r"|optional|1wire|s0|commands|opentherm)/.+)",
        re.ASCII,
    ),
    units={
        "Temp": "°C",
        "Flow": "l/min",
        "Freq": "Hz",
        "Production": "W",
        "Consumption": "W",
        "Watt": "W",
        "Speed": "r/min",
        "Current": "A",
        "Duty": "",
        "Hours": "h",
    },
    written=frozenset({"Error", "ip", "Heat_Pump_Model"}),
    diagnostic=frozenset({"ip"}),
    ignored=frozenset({"log", "data"}),
    asked=frozenset({"commands", "raw"}),
    states={"LWT": WILL},
    manufacturer="Panasonic",
)

SOLAR_ASSISTANT = TopicFamily(
    name="solar_assistant",
    hints=("solar_assistant/",),
    topics=re.compile(
        r"(?P<device>(?:.+/)?solar_assistant/(?:total|inverter_[0-9]+|battery_[0-9]+))"
        r"/(?P<metric>[a-z0-9_]+)/state",
        re.ASCII,
    ),
    confidence=0.85,
    units={
        "power": "W",
        "voltage": "V",
        "current": "A",
        "frequency": "Hz",
        "temperature": "°C",
        "energy": "kWh",
        "state_of_charge": "%",
        "percentage": "%",
    },
    written=frozenset({"device_mode", "charger_source_priority", "output_source_priority"}),
)

OTGW = TopicFamily(
    name="otgw",
    hints=("OTGW/value/",),
    topics=re.compile(r"(?P<device>(?:.+/)?OTGW/value/[^/]+)(?:/(?P<metric>.+))?", re.ASCII),
    units={
        "Tboiler": "°C",
        "Tret": "°C",
        "Tr": "°C",
        "TrSet": "°C",
        "TSet": "°C",
        "Tdhw": "°C",
        "TdhwSet": "°C",
        "Toutside": "°C",
        "MaxTSet": "°C",
        "Tcollector": "°C",
        "Texhaust": "°C",
        "CHPressure": "bar",
        "RelModLevel": "%",
        "MaxRelModLevelSetting": "%",
        "DHWFlowRate": "l/min",
    },
    flags=frozenset(
        {
            "flame",
            "centralheating",
            "domestichotwater",
            "cooling",
            "fault",
            "ch_enable",
            "dhw_enable",
            "dhw_present",
            "diagnostic_indicator",
            "flamestatus",
            "chmodus",
            "dhwmode",
            "boiler_connected",
            "thermostat_connected",
            "otgw_connected",
        }
    ),
    written=frozenset({"master_slave_id", "status_master", "status_slave", "error"}),
    states={"": WILL},
)

ALL = (
    OTGW,
    NUKI,
    TESLAMATE,
    AI_ON_THE_EDGE,
    HEISHAMON,
    SOLAR_ASSISTANT,
)
