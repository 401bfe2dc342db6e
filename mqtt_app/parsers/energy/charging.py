"""Charging stations.

openWB 2: https://github.com/openWB/core/wiki. What is measured stands below `get`:
`openWB/chargepoint/4/get/power` is metric `power` of the device `openWB/chargepoint/4`. `set` is
what the controller decided, `config` how it is set up.

openWB 1.9: `openWB/lp/1/%Soc`, `openWB/evu/W`, with the unit in the name.

OpenEVSE: https://github.com/OpenEVSE/openevse_esp32_firmware. `openevse/amp` is in mA, temperatures in
tenths of a degree; `openevse/announce/<id>` has the Will.
"""

import re

from mqtt_app.parsers.topic_family import TopicFamily

OPENWB = TopicFamily(
    name="openwb",
    hints=("openWB/",),
    topics=re.compile(
        r"(?P<device>(?:.+/)?openWB/(?:chargepoint|counter|pv|bat|vehicle|consumer)(?:/[0-9]+)?)"
        r"/get/(?P<metric>.+)",
        re.ASCII,
    ),
    confidence=0.85,
    units={
        "power": "W",
        "powers": "W",
        "daily_yield": "Wh",
        "monthly_yield": "Wh",
        "yearly_yield": "Wh",
        "imported": "Wh",
        "exported": "Wh",
        "daily_imported": "Wh",
        "daily_exported": "Wh",
        "voltages": "V",
        "currents": "A",
        "evse_current": "A",
        "frequency": "Hz",
        "soc": "%",
        "temperature": "°C",
        "range": "km",
    },
    written=frozenset({"state_str", "fault_str", "rfid", "serial_number", "version"}),
    diagnostic=frozenset({"rssi"}),
    ignored=frozenset({"rfid_timestamp", "soc_timestamp", "log"}),
)

OPENWB_1 = TopicFamily(
    name="openwb1",
    hints=("openWB/",),
    topics=re.compile(
        r"(?P<device>(?:.+/)?openWB/(?:lp/[0-9]+|evu|pv(?:/[0-9]+)?|housebattery|global"
        r"|Verbraucher/[0-9]+))/(?P<metric>[^/]+)",
        re.ASCII,
    ),
    units={
        "W": "W",
        "WHouseConsumption": "W",
        "WAllChargePoints": "W",
        "WPhase1": "W",
        "WPhase2": "W",
        "WPhase3": "W",
        "APhase1": "A",
        "APhase2": "A",
        "APhase3": "A",
        "AConfigured": "A",
        "ADirectModeAmps": "A",
        "VPhase1": "V",
        "VPhase2": "V",
        "VPhase3": "V",
        "Hz": "Hz",
        "%Soc": "%",
        "kWhCounter": "kWh",
        "kWhDailyCharged": "kWh",
        "kWhActualCharged": "kWh",
        "WhImported": "Wh",
        "WhExported": "Wh",
        "WhCounter": "Wh",
    },
    flags=frozenset(
        {"boolPlugStat", "boolChargeStat", "boolHouseBatteryConfigured", "boolSocConfigured"}
    ),
    written=frozenset({"strChargePointName", "faultStr", "TimeRemaining"}),
    ignored=frozenset({"config"}),
    described={"strChargePointName": "name"},
)

OPENEVSE = TopicFamily(
    name="openevse",
    hints=("openevse/",),
    topics=re.compile(
        r"(?P<device>(?:.+/)?openevse)/(?P<metric>announce(?=/)|[a-z0-9_]+\Z)(?:/[^/]+)?", re.ASCII
    ),
    units={
        "amp": "mA",
        "pilot": "A",
        "voltage": "V",
        "wh": "Wh",
        "temp": "°C",
        "temp1": "°C",
        "temp2": "°C",
        "temp3": "°C",
        "temp4": "°C",
        "total_energy": "kWh",
        "session_energy": "Wh",
        "session_elapsed": "s",
        "available_current": "A",
        "charge_rate": "A",
        "srssi": "dBm",
        "freeram": "B",
        "uptime": "s",
    },
    divided={"temp": 10, "temp1": 10, "temp2": 10, "temp3": 10, "temp4": 10},
    flags=frozenset({"vehicle"}),
    diagnostic=frozenset({"srssi", "freeram", "uptime"}),
    ignored=frozenset({"config", "schedule", "config_version"}),
    states={"announce": {}},
    manufacturer="OpenEVSE",
)
