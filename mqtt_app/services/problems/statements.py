"""The one statement that writes occurrences of problems.

Rows are locked in the order of site and fingerprint, by every transaction before the site's books,
so that two of them never wait for each other.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mqtt_app.domain.problems import MAX_TITLE, hour_of
from mqtt_app.services.postgres.columns import blobs, numbers, texts
from mqtt_app.services.postgres.statements import Query

MOST_TOPICS = 20  # that a problem names
SAMPLE = 4_096  # bytes of a payload that are shown

# A resolved one that comes back is open again; so is an ignored one whose time is over.
_COUNT = f"""
INSERT INTO mqtt_problem AS p (site_id, kind, fingerprint, detail, error_type, title, count,
    first_at, last_at, topics, sample, hours)
SELECT v.site_id, v.kind, v.fingerprint::uuid, v.detail, v.error_type, v.title, v.count, %s, %s,
    CASE WHEN v.topic = '' THEN '{{}}' ELSE ARRAY[v.topic] END, v.sample,
    jsonb_build_object(%s::text, v.count)
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[],
    %s::text[], %s::bytea[])
    AS v(site_id, kind, fingerprint, detail, error_type, title, count, topic, sample)
ORDER BY 1, 3
ON CONFLICT (site_id, fingerprint) DO UPDATE SET
    count = p.count + excluded.count, last_at = GREATEST(p.last_at, excluded.last_at),
    title = excluded.title, sample = coalesce(excluded.sample, p.sample),
    topics = CASE WHEN p.topics @> excluded.topics OR cardinality(p.topics) >= {MOST_TOPICS}
        THEN p.topics ELSE p.topics || excluded.topics END,
    hours = p.hours || jsonb_build_object(%s::text,
        coalesce((p.hours ->> %s)::bigint, 0) + excluded.count),
    state = CASE WHEN p.state = 'resolved' OR p.ignored_until <= excluded.last_at THEN 'open'
        ELSE p.state END,
    reopened_at = CASE WHEN p.state = 'resolved' OR p.ignored_until <= excluded.last_at
        THEN excluded.last_at ELSE p.reopened_at END,
    ignored_until = CASE WHEN p.ignored_until <= excluded.last_at THEN NULL
        ELSE p.ignored_until END
"""


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """`count` times the same at one site. `topic` and `sample` of one of them, "" and None where
    there is none.
    """

    site_id: int
    kind: str
    fingerprint: UUID
    title: str
    count: int = 1
    detail: str = ""
    error_type: str = ""
    topic: str = ""
    sample: bytes | None = None


def count(occurrences: Sequence[Occurrence], now: datetime) -> Query:
    """Each fingerprint of a site once."""
    hour = str(hour_of(now))
    columns = [
        numbers(found.site_id for found in occurrences),
        texts(found.kind for found in occurrences),
        texts(str(found.fingerprint) for found in occurrences),
        texts(found.detail for found in occurrences),
        texts(found.error_type for found in occurrences),
        texts(found.title[:MAX_TITLE] for found in occurrences),
        numbers(found.count for found in occurrences),
        texts(found.topic for found in occurrences),
        blobs(_sample(found) for found in occurrences),
    ]
    return Query(_COUNT, [now, now, hour, *columns, hour, hour])


def _sample(found: Occurrence) -> bytes | None:
    if found.sample is None:
        return None
    return found.sample[:SAMPLE]
