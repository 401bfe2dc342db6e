"""Gateways of Hoymiles inverters.

OpenDTU: https://www.opendtu.solar/firmware/mqtt_topics/. `<base>/<serial>/0/power` and so on,
channel 0 being AC; `<base>/dtu/...` is the gateway;
the sums `ac` and `dc` show the family only below its default base, `solar`. A serial number is 12 digits from 1 on.

AhoyDTU: https://github.com/lumapu/ahoy/blob/main/manual/User_Manual.md. `<base>/<name>/ch0/P_AC`;
the gateway's own topics and `available` show the family only below its default base, `inverter`.
"""

import re

from mqtt_app.domain.facts import Liveness
from mqtt_app.parsers.topic_family import WILL, TopicFamily

REACHABLE = {"1": Liveness.ONLINE, "0": Liveness.OFFLINE}
AVAILABLE = {"2": Liveness.ONLINE, "1": Liveness.ONLINE, "0": Liveness.OFFLINE}

OPENDTU = TopicFamily(
    name="opendtu",
    hints=("1", "dtu/", "solar/"),
    topics=re.compile(
        r"(?P<device>(?P<base>(?:.+/)?)(?:1[0-9]{11}|(?:(?<=\Asolar/)|(?<=/solar/))[ad]c(?=/(?:power"
        r"|yieldday|yieldtotal|is_valid|irradiation)\Z)|dtu(?=/(?:status|uptime|ip|hostname|rssi|bssid"
        r"|temperature|heap/[a-z]+)\Z)))/(?P<metric>(?:[0-6]|status|device|cmd|radio)/[a-z_]+|name"
        r"|status|uptime|ip|hostname|rssi|bssid|temperature|heap/[a-z]+|power|yieldday|yieldtotal"
        r"|is_valid|irradiation)",
        re.ASCII,
    ),
    units={
        "power": "W",
        "powerdc": "W",
        "limit_absolute": "W",
        "voltage": "V",
        "current": "A",
        "frequency": "Hz",
        "temperature": "°C",
        "efficiency": "%",
        "powerfactor": "%",
        "irradiation": "%",
        "limit_relative": "%",
        "reactivepower": "var",
        "yieldday": "Wh",
        "yieldtotal": "kWh",
        "uptime": "s",
        "rssi": "dBm",
    },
    flags=frozenset({"producing", "is_valid"}),
    written=frozenset({"ip", "hostname", "bssid"}),
    diagnostic=frozenset({"uptime", "rssi", "ip", "hostname", "bssid", "size", "free", "minfree"}),
    ignored=frozenset(
        {"last_update", "bootloaderversion", "fwbuilddatetime", "hwpartnumber", "hwversion"}
    ),
    states={"status.reachable": REACHABLE, "status": WILL},
    described={"name": "name", "device.fwbuildversion": "software"},
    manufacturer="Hoymiles",
    gateway="{base}dtu",
)

AHOY = TopicFamily(
    name="ahoydtu",
    hints=("/ch", "inverter"),
    topics=re.compile(
        r"(?P<device>(?P<base>inverter(?=/(?:mqtt|status|uptime|wifi_rssi|free_heap|version|device"
        r"|ip_addr|sunrise|sunset|comm_start|comm_stop|dis_night_comm)\Z)"
        r"|inverter(?=/[^/]+/(?:available|last_success|ack_pwr_limit)\Z)"
        r"|inverter(?=/total/\w+\Z)"
        r"|.+(?=/[^/]+/ch[0-6]/\w+\Z))"
        r"(?:/[^/]+(?=/(?:ch[0-6]/\w+|available|last_success|ack_pwr_limit)\Z)|/total(?=/\w+\Z))?)"
        r"/(?P<metric>.+)",
        re.ASCII,
    ),
    units={
        "P_AC": "W",
        "P_DC": "W",
        "MaxPower": "W",
        "U_AC": "V",
        "U_DC": "V",
        "U_AC_1N": "V",
        "U_AC_2N": "V",
        "U_AC_3N": "V",
        "I_AC": "A",
        "I_DC": "A",
        "F_AC": "Hz",
        "Q_AC": "var",
        "Temp": "°C",
        "Efficiency": "%",
        "Irradiation": "%",
        "active_PowerLimit": "%",
        "YieldDay": "Wh",
        "YieldTotal": "kWh",
        "uptime": "s",
        "wifi_rssi": "dBm",
        "free_heap": "B",
    },
    written=frozenset({"ip_addr", "device"}),
    diagnostic=frozenset({"uptime", "wifi_rssi", "free_heap", "ip_addr", "device"}),
    ignored=frozenset(
        {
            "last_success",
            "sunrise",
            "sunset",
            "comm_start",
            "comm_stop",
            "FWBuildYear",
            "FWBuildMonthDay",
            "FWBuildHourMinute",
            "HWPartId",
            "BootloaderVersion",
        }
    ),
    states={
        "available": AVAILABLE,
        "status": WILL,
        "mqtt": {
            "connected": Liveness.ONLINE,
            "not connected": Liveness.OFFLINE,
            "disconnected": Liveness.OFFLINE,
        },
    },
    states_are_readings=True,
    described={"version": "software", "ch0.FWVersion": "software"},
    gateway="{base}",
)
