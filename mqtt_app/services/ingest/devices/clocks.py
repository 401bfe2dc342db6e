"""How far the clocks of devices are off, as their newest readings show."""

from collections.abc import Mapping

import msgspec

from mqtt_app.domain.clock_skew import worth_storing
from mqtt_app.services.ingest.devices.directory import Directory
from mqtt_app.services.ingest.records import DeviceKey
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.postgres.columns import numbers
from mqtt_app.services.postgres.statements import Query

_WRITE = """
UPDATE mqtt_device d SET clock_skew = w.skew, clock_skew_at = %s::timestamptz
FROM unnest(%s::bigint[], %s::float8[]) AS w(id, skew) WHERE d.id = w.id
"""


def queries(skews: Mapping[DeviceKey, float], directory: Directory, run: Run) -> list[Query]:
    """Only what is news. `skews` in s."""
    changed = {
        directory.devices[key].id: round(skew, 3)
        for key, skew in skews.items()
        if worth_storing(directory.devices[key].clock_skew, skew)
    }
    if not changed:
        return []
    for key, skew in skews.items():
        device = directory.devices[key]
        if device.id in changed:
            run.memory.devices[key] = msgspec.structs.replace(device, clock_skew=round(skew, 3))
    order = sorted(changed)
    return [Query(_WRITE, [run.now, numbers(order), numbers(changed[number] for number in order)])]
