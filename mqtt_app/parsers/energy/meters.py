"""DSMR-reader: the Dutch smart meter.

Source: https://dsmr-reader.readthedocs.io/en/v5/reference/mqtt.html.
`dsmr/reading/...` is the meter, `dsmr/consumption/...`, `dsmr/day-consumption/...` and the like are
what DSMR-reader made of it: all are one device, `dsmr`.
"""

import re

from mqtt_app.parsers.topic_family import TopicFamily

_PHASES = ("l1", "l2", "l3")

DSMR_READER = TopicFamily(
    name="dsmr_reader",
    hints=("dsmr/",),
    topics=re.compile(
        r"(?P<device>(?:.+/)?dsmr)/(?P<metric>(?:reading|consumption|day-consumption|meter-stats"
        r"|current-month|current-year)/.+)",
        re.ASCII,
    ),
    units={
        "electricity_currently_delivered": "kW",
        "electricity_currently_returned": "kW",
        "electricity_delivered_1": "kWh",
        "electricity_delivered_2": "kWh",
        "electricity_returned_1": "kWh",
        "electricity_returned_2": "kWh",
        "electricity1": "kWh",
        "electricity2": "kWh",
        "electricity1_returned": "kWh",
        "electricity2_returned": "kWh",
        "electricity_merged": "kWh",
        "electricity_returned_merged": "kWh",
        "extra_device_delivered": "m³",
        "gas": "m³",
        "delivered": "m³",
        "currently_delivered": "m³",
        "total_cost": "€",
        **{f"phase_currently_delivered_{phase}": "kW" for phase in _PHASES},
        **{f"phase_currently_returned_{phase}": "kW" for phase in _PHASES},
        **{f"phase_voltage_{phase}": "V" for phase in _PHASES},
        **{f"phase_power_current_{phase}": "A" for phase in _PHASES},
    },
    written=frozenset({"dsmr_version", "electricity_tariff"}),
    ignored=frozenset({"timestamp", "extra_device_timestamp", "read_at", "day", "id"}),
)
