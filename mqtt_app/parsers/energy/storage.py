"""Power stations of Bluetti: `bluetti/state/<model>-<serial>/<value>`.

Source: https://github.com/warhammerkid/bluetti_mqtt. Topics below `bluetti/command` are commands.
"""

import re

from mqtt_app.parsers.topic_family import TopicFamily

BLUETTI = TopicFamily(
    name="bluetti",
    hints=("bluetti/",),
    topics=re.compile(
        r"(?P<device>(?:.+/)?bluetti/(?:state|(?P<asked>command))/[^/]+)/(?P<metric>[a-z0-9_]+)",
        re.ASCII,
    ),
    units={
        "power": "W",
        "voltage": "V",
        "current": "A",
        "frequency": "Hz",
        "percent": "%",
        "generation": "kWh",
    },
    flags=frozenset({"ac_output_on", "dc_output_on", "power_off"}),
    written=frozenset({"device_type", "serial_number", "ups_mode", "auto_sleep_mode"}),
    manufacturer="Bluetti",
)
