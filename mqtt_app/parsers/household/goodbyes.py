"""Families whose values are read as those of no known family, but for their Will.

- OctoPrint: `octoPrint/mqtt` is connected or disconnected
  (https://github.com/OctoPrint/OctoPrint-MQTT).
- Moonraker of Klipper: `<printer>/moonraker/status` is `{"server": "offline"}`
  (https://moonraker.readthedocs.io/en/latest/configuration/#mqtt).
- Nuki Hub: `nukihub/maintenance/mqttConnectionState` (https://github.com/technyon/nuki_hub).
"""

import re

from mqtt_app.parsers.topic_family import TopicFamily

OCTOPRINT = TopicFamily(
    name="octoprint",
    hints=("octoPrint/mqtt",),
    topics=re.compile(r"(?P<device>(?:.+/)?octoPrint)/(?P<metric>mqtt)"),
    states={"mqtt": {}},
    manufacturer="OctoPrint",
)

MOONRAKER = TopicFamily(
    name="moonraker",
    hints=("/moonraker/status",),
    topics=re.compile(r"(?P<device>.+)/moonraker/(?P<metric>status)"),
    states={"status": {}},
)

NUKI_HUB = TopicFamily(
    name="nuki_hub",
    hints=("/maintenance/mqttConnectionState",),
    topics=re.compile(r"(?P<device>.+)/maintenance/(?P<metric>mqttConnectionState)"),
    states={"mqttConnectionState": {}},
)

GOODBYES = (OCTOPRINT, MOONRAKER, NUKI_HUB)
