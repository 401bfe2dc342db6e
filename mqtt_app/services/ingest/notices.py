"""What an operator should know of a topic, in the parsing log once a minute or hour, however often
it happens and however many processes meet it.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from mqtt_app.conf import config
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import ParseErrorKind
from mqtt_app.domain.ingest.samples import sample, storable
from mqtt_app.models import MqttParsingLog
from mqtt_app.services.ingest.records import NoticeKey
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.postgres.columns import numbers, texts
from mqtt_app.services.postgres.statements import ask

MINUTE, HOUR = 60, 3_600  # s
AT_ONCE = 500  # notices of one batch; a site whose topics are all unreadable says so by those
MAX_TEXT = 1_000  # characters


class NoticeKind(StrEnum):
    """Of each kind, a topic has one row in the parsing log in `PERIOD`."""

    FIELDS = "fields"  # single fields that were left out
    REMARK = "remark"  # of a parser
    OPAQUE = "opaque"  # bytes that no parser reads
    TYPE = "type"  # values of another type than the metric's
    UNIT = "unit"  # a unit that cannot be converted to the metric's
    READER = "reader"  # another parser took the topic over
    MEMORY = "memory"  # a parser wanted to remember too much


PERIOD = {kind: HOUR for kind in NoticeKind} | {NoticeKind.FIELDS: MINUTE}
# Said once a metric, or a few times a topic: whoever gives the notice sees to it.
_BOUNDED = frozenset({NoticeKind.TYPE, NoticeKind.UNIT, NoticeKind.READER})
_COUNTED = {NoticeKind.FIELDS: " ({:,} fields of this topic within this minute)"}
_ERROR = {NoticeKind.OPAQUE: ParseErrorKind.PARSE}
_WITH_SAMPLE = frozenset({NoticeKind.FIELDS, NoticeKind.OPAQUE, NoticeKind.READER})

_NOTE = """
INSERT INTO mqtt_topicnotice AS n (connection_id, topic, kind, began_at, count)
SELECT w.connection_id, w.topic, w.kind, to_timestamp(w.began), w.count
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[])
    AS w(connection_id, topic, kind, began, count)
ON CONFLICT (connection_id, md5(topic), kind, began_at) DO UPDATE SET count = n.count + excluded.count
RETURNING n.id, n.connection_id, n.topic, n.kind, n.count, n.log_id
"""
_TIE = """
UPDATE mqtt_topicnotice n SET log_id = v.log_id
FROM unnest(%s::bigint[], %s::bigint[]) AS v(id, log_id) WHERE n.id = v.id
"""
_COUNT = """
UPDATE mqtt_mqttparsinglog l SET error_message = v.text
FROM unnest(%s::bigint[], %s::text[]) AS v(id, text) WHERE l.id = v.id
"""


class Notice(msgspec.Struct, frozen=True):
    """`text` is for operators. `count` of what happened, such as fields left out."""

    message: Envelope
    kind: NoticeKind
    text: str
    parser_name: str = ""
    count: int = 1

    def key(self, now: datetime) -> NoticeKey:
        period = PERIOD[self.kind]
        began = int(now.timestamp()) // period * period
        return self.message.connection_id, self.message.topic, self.kind.value, began


class _Noted(msgspec.Struct, frozen=True):
    """A row of mqtt_topicnotice. `log_id` None: it is new."""

    id: int
    connection_id: int
    topic: str
    kind: str
    count: int
    log_id: int | None


def write(notices: Iterable[Notice], run: Run) -> None:
    """Of those that this process has not written within their period; fields are counted each
    time.
    """
    counts: Counter[NoticeKey] = Counter()
    first: dict[NoticeKey, Notice] = {}
    bounded: list[Notice] = []
    for notice in notices:
        if notice.kind in _BOUNDED:
            bounded.append(notice)
            continue
        key = notice.key(run.now)
        if notice.kind not in _COUNTED and key in run.memory.noticed:
            continue
        if key not in first and len(first) >= AT_ONCE:
            continue
        counts[key] += notice.count
        first.setdefault(key, notice)
    MqttParsingLog.objects.bulk_create(_row(notice) for notice in bounded[:AT_ONCE])
    if first:
        run.memory.noticed.update(dict.fromkeys(first, True))
        _write(first, counts)


def _write(first: dict[NoticeKey, Notice], counts: Counter[NoticeKey]) -> None:
    keys = sorted(first)  # two batches lock rows in the same order
    columns = [
        numbers(key[0] for key in keys),
        texts(key[1] for key in keys),
        texts(key[2] for key in keys),
        numbers(key[3] for key in keys),
        numbers(counts[key] for key in keys),
    ]
    noted = ask(_NOTE, columns).records(_Noted)
    by_subject = {key[:3]: first[key] for key in keys}
    new = [row for row in noted if row.log_id is None]
    told = [(row, by_subject[row.connection_id, row.topic, row.kind]) for row in new]
    logged = MqttParsingLog.objects.bulk_create([_row(notice, row.count) for row, notice in told])
    if new:
        ask(_TIE, [numbers(row.id for row in new), numbers(row.pk for row in logged)])
    more = [row for row in noted if row.log_id is not None and row.kind in _COUNTED]
    if more:
        said = [
            _text(by_subject[row.connection_id, row.topic, row.kind], row.count) for row in more
        ]
        ask(_COUNT, [numbers(row.log_id for row in more), texts(said)])


def _row(notice: Notice, count: int = 1) -> MqttParsingLog:
    message = notice.message
    if notice.kind in _WITH_SAMPLE:
        shown = message.payload
    else:
        shown = None
    return MqttParsingLog(
        site_id=message.site_id,
        topic=storable(message.topic),
        parser_name=notice.parser_name,
        error_type=_ERROR.get(notice.kind, ParseErrorKind.VALIDATION).value,
        error_message=_text(notice, count),
        payload_sample=sample(shown, config().payload_sample),
    )


def _text(notice: Notice, count: int) -> str:
    counted = _COUNTED.get(notice.kind, "")
    return storable(notice.text)[:MAX_TEXT] + counted.format(count)
