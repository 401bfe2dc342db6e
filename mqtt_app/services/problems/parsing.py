"""Parsing errors of a batch as problems: one statement, and only where something failed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mqtt_app.domain.ingest.samples import storable
from mqtt_app.domain.problems import ProblemKind, parsing_fingerprint
from mqtt_app.services.dead_letters.parsing_log import ParseFailure
from mqtt_app.services.postgres.statements import send
from mqtt_app.services.problems.statements import Occurrence, count

MAX_TOPIC = 1_000  # characters


def count_failures(failures: Sequence[ParseFailure], now: datetime) -> None:
    found: dict[tuple[int, UUID], Occurrence] = {}
    for failure in failures:
        error = failure.error
        mark = parsing_fingerprint(failure.parser_name, error.kind.value, str(error))
        key = (failure.message.site_id, mark)
        known = found.get(key)
        if known is None:
            found[key] = _occurrence(failure, mark)
        else:
            found[key] = msgspec.structs.replace(known, count=known.count + 1)
    if found:
        send([count(list(found.values()), now)])


def _occurrence(failure: ParseFailure, mark: UUID) -> Occurrence:
    return Occurrence(
        site_id=failure.message.site_id,
        kind=ProblemKind.PARSING,
        fingerprint=mark,
        title=storable(str(failure.error)),
        detail=failure.parser_name,
        error_type=failure.error.kind.value,
        topic=storable(failure.message.topic)[:MAX_TOPIC],
        sample=failure.message.payload,
    )
