"""What becomes of a value in the series of its metric: stored as it is, converted to the unit of
the series, or stored beside it.
"""

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import ReadingFact, Value
from mqtt_app.domain.units import convert
from mqtt_app.services.ingest.devices.descriptions import MAX_UNIT
from mqtt_app.services.ingest.notices import Notice, NoticeKind
from mqtt_app.services.ingest.parsing.facts import Parsed
from mqtt_app.services.ingest.readings.metrics import TYPES
from mqtt_app.services.ingest.records import KnownMetric

SAME_MOMENT = 1.0  # s between two messages of one device that say the same on two topics
MAX_OTHERS = 200  # characters of the units that cannot be converted
_SHOWN = 60  # characters of a value in a log row
_TYPE = (
    "The metric {metric!r} of {device!r} has values of type {type}; it now came as {new}"
    " ({value!r}). Such values are stored beside the series. This is said once."
)
_UNIT = (
    "The metric {metric!r} of {device!r} is in {unit}; it now came in {new}, which cannot be"
    " converted. Such values are stored as text beside the series. This is said once."
)


class SeriesChanges:
    """Of one batch: metrics of which something is to be written, and what is to be said."""

    def __init__(self) -> None:
        self.metrics: dict[int, KnownMetric] = {}
        self.notices: list[Notice] = []

    def value_of(self, fact: ReadingFact, metric: KnownMetric, found: Parsed) -> Value:
        """For a value whose type or unit is not simply that of the metric."""
        value = fact.value
        if type(value) is not metric.python_type:
            self._note_type(fact, metric, found)
            return value
        if fact.diagnostic and not metric.diagnostic:
            metric.diagnostic = True
            self.metrics[metric.id] = metric
        if not isinstance(value, float):
            return value
        unit = fact.unit or metric.source_unit
        if not unit or unit == metric.unit:
            return value
        if not metric.unit:
            metric.unit = unit[:MAX_UNIT]
            self.metrics[metric.id] = metric
            return value
        converted = convert(value, unit, metric.unit)
        if converted is not None:
            return converted
        self._note_unit(fact, metric, found, unit)
        return f"{value:.15g} {unit}"

    def _note_type(self, fact: ReadingFact, metric: KnownMetric, found: Parsed) -> None:
        name = TYPES[type(fact.value)].value
        if name in metric.other_types.split(","):
            return
        metric.other_types = ",".join(filter(None, (metric.other_types, name)))
        self.metrics[metric.id] = metric
        text = _TYPE.format(
            metric=fact.metric[:_SHOWN],
            device=fact.device[:_SHOWN],
            type=TYPES[metric.python_type].value,
            new=name,
            value=str(fact.value)[:_SHOWN],
        )
        self.notices.append(Notice(found.message, NoticeKind.TYPE, text, found.parser_name))

    def _note_unit(self, fact: ReadingFact, metric: KnownMetric, found: Parsed, unit: str) -> None:
        known = metric.other_units.split(",")
        if unit in known or len(metric.other_units) + len(unit) >= MAX_OTHERS:
            return
        metric.other_units = ",".join(filter(None, (metric.other_units, unit)))
        self.metrics[metric.id] = metric
        text = _UNIT.format(
            metric=fact.metric[:_SHOWN], device=fact.device[:_SHOWN], unit=metric.unit, new=unit
        )
        self.notices.append(Notice(found.message, NoticeKind.UNIT, text, found.parser_name))


def is_plain(fact: ReadingFact, metric: KnownMetric) -> bool:
    """Whether the value is stored as it is, which nearly every value is."""
    return (
        type(fact.value) is metric.python_type
        and (fact.unit == metric.unit or not (fact.unit or metric.source_unit))
        and (metric.diagnostic or not fact.diagnostic)
    )


def is_said_twice(value: Value, metric: KnownMetric, message: Envelope) -> bool:
    """Whether another topic has just given this value of this metric, at a time that is not the
    device's own; it is noted for the next one otherwise.
    """
    at = message.received_at
    if (
        metric.topic != message.topic
        and metric.topic
        and metric.value == value
        and type(metric.value) is type(value)
        and abs(at - metric.at) <= SAME_MOMENT
    ):
        return True
    metric.topic = message.topic
    metric.at = at
    metric.value = value
    return False
