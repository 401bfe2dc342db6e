"""Learns how long each site is usually silent: the only writer of rhythms."""

import logging
from collections.abc import Mapping, Sequence

from django.db import IntegrityError, transaction

from mqtt_app.domain.status.silence import WEEK, GapObservation, Rhythm, learned_hour, observe
from mqtt_app.models import SiteBooks, SiteRhythm, SiteWeek
from mqtt_app.services.presence.rows import Listening

log = logging.getLogger(__name__)

CHUNK = 1_000  # rows of one statement


def learn(sites: Sequence[Listening]) -> None:
    """From the newest message of each site that can be heard. Raises DatabaseError."""
    since = {site.site_id: site.since for site in sites if site.since is not None}
    books = SiteBooks.objects.filter(site__in=list(since), last_message_at__isnull=False)
    known = {row.site_id: row for row in SiteRhythm.objects.filter(site__in=list(since))}
    observed: dict[int, GapObservation] = {}
    for site_id, last_message_at in books.values_list("site_id", "last_message_at"):
        if last_message_at is None:
            continue
        before = _rhythm(known.get(site_id))
        after = observe(before, last_message_at.timestamp(), since[site_id])
        if after.rhythm != before:
            observed[site_id] = after
    try:
        with transaction.atomic():
            _write(observed)
            _write_hours({number: seen.hours for number, seen in observed.items() if seen.hours})
    except IntegrityError:
        # A site was deleted meanwhile. The next check sees the same gaps of all others.
        log.info("A site was deleted while rhythms were written; they are written next time")


def _rhythm(row: SiteRhythm | None) -> Rhythm | None:
    if row is None:
        return None
    return Rhythm(row.last, row.gaps, row.longest, row.hour_longest)


def _write(observed: Mapping[int, GapObservation]) -> None:
    rows = [
        SiteRhythm(
            site_id=site_id,
            last=seen.rhythm.last,
            gaps=seen.rhythm.gaps,
            longest=seen.rhythm.longest,
            hour_longest=seen.rhythm.hour_longest,
        )
        for site_id, seen in sorted(observed.items())
    ]
    SiteRhythm.objects.bulk_create(
        rows,
        batch_size=CHUNK,
        update_conflicts=True,
        unique_fields=["site"],
        update_fields=["last", "gaps", "longest", "hour_longest"],
    )


def _write_hours(gaps: Mapping[int, Mapping[int, float]]) -> None:
    weeks = {row.site_id: row for row in SiteWeek.objects.filter(site__in=list(gaps))}
    rows = []
    for site_id, learned in sorted(gaps.items()):
        row = weeks.get(site_id) or SiteWeek(site_id=site_id, hours=[0.0] * WEEK)
        for hour, gap in learned.items():
            row.hours[hour] = learned_hour(row.hours[hour], gap)
        rows.append(row)
    SiteWeek.objects.bulk_create(
        rows,
        batch_size=CHUNK,
        update_conflicts=True,
        unique_fields=["site"],
        update_fields=["hours"],
    )
