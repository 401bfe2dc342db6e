"""ESPurna, a firmware of plugs, lamps and sensors: one value a topic, `<root>/relay/0`.

Source: https://github.com/xoseperez/espurna/wiki/MQTT. The root is recognised where it names the firmware.
`status` 1 and 0 is the Will.
"""

import re

from mqtt_app.parsers.topic_family import TopicFamily

ESPURNA = TopicFamily(
    name="espurna",
    hints=("espurna", "ESPURNA"),
    topics=re.compile(
        r"(?P<device>(?:.+/)?(?:ESPURNA-[0-9A-Fa-f]{6}|espurna/[^/]+|espurna-[^/]+))"
        r"/(?P<metric>.+)",
        re.ASCII,
    ),
    units={
        "temperature": "°C",
        "humidity": "%",
        "pressure": "hPa",
        "current": "A",
        "voltage": "V",
        "power": "W",
        "apparent": "VA",
        "reactive": "var",
        "factor": "%",
        "energy": "kWh",
        "energy_delta": "Ws",
        "lux": "lx",
        "rssi": "dBm",
        "uptime": "s",
        "freeheap": "B",
        "vcc": "mV",
        "loadavg": "%",
    },
    flags=frozenset({"relay", "button", "led"}),
    written=frozenset({"ip", "host", "board", "ssid", "bssid", "color", "rfin"}),
    diagnostic=frozenset(
        {"rssi", "uptime", "freeheap", "vcc", "loadavg", "ip", "host", "board", "ssid", "bssid"}
    ),
    ignored=frozenset({"datetime", "app", "interval", "desc", "heartbeat"}),
    states={"status": {}},
    described={"version": "software", "mac": "address", "board": "model"},
)
