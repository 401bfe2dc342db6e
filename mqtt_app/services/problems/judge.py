"""Problems that are no event but a state: a link that is down, a certificate that ends. Judged by
reconcile and upkeep, open while it lasts and resolved by itself.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from mqtt_app.domain.link.certificate_facts import facts_of
from mqtt_app.domain.problems import (
    TREND_HOURS,
    ProblemKind,
    ProblemState,
    expiry_sentence,
    fingerprint,
    hour_of,
)
from mqtt_app.models import ConnectionStatus, MqttConnection, Problem
from mqtt_app.models.locks import PROBLEMS_LOCK
from mqtt_app.services.postgres.statements import ask, send
from mqtt_app.services.problems.statements import Occurrence, count

DOWN_FOR = timedelta(seconds=30)  # a link that is back sooner is no problem
SAID_AGAIN = timedelta(minutes=5)  # after which `last_at` of a lasting one moves on
MOST = 1_000  # problems that a site keeps
CERTIFICATES = (
    ("tls_client_certificate", "client certificate"),
    ("tls_ca_certificate", "certificate of the authority"),
)

_ALONE = "SELECT pg_try_advisory_xact_lock(%s::bigint)"
_TOO_MANY = """
DELETE FROM mqtt_problem WHERE id IN (
    SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY site_id
        ORDER BY state = 'open' DESC, last_at DESC) AS place FROM mqtt_problem) p
    WHERE p.place > %s)
"""


# Hours that no trend shows any more.
_SHORTEN = """
UPDATE mqtt_problem p SET hours = (SELECT coalesce(jsonb_object_agg(key, value), '{}')
    FROM jsonb_each(p.hours) WHERE key::bigint >= %s::bigint)
WHERE EXISTS (SELECT FROM jsonb_object_keys(p.hours) AS key WHERE key::bigint < %s::bigint)
"""


def judge_links(now: datetime) -> None:
    """Links that are wanted and down, by what their broker or the network says."""
    down = (
        MqttConnection.objects.filter(
            ~Q(status=ConnectionStatus.CONNECTED),
            ~Q(error_class=""),
            is_active=True,
            site__is_active=True,
            status_since__lte=now - DOWN_FOR,
        )
        .only("id", "site_id", "broker_host", "broker_port", "error_class", "error_message")
        .order_by("site_id")
    )
    found = [_of_link(row) for row in down]
    _write(ProblemKind.LINK, found, now)


def judge_certificates(now: datetime) -> None:
    """Those that people pasted, at 30, 7 and 1 days before their end, and after."""
    found: list[Occurrence] = []
    rows = MqttConnection.objects.exclude(tls_client_certificate="", tls_ca_certificate="")
    names = [name for name, _ in CERTIFICATES]
    for row in rows.only("id", "site_id", *names).order_by("site_id").iterator():
        found += _of_certificates(row, now)
    _write(ProblemKind.CERTIFICATE, found, now)


def forget(now: datetime, days: int) -> int:
    """Those that were not seen for `days`, and the oldest of a site that has very many. Gives their
    number.
    """
    old, _ = Problem.objects.filter(last_at__lt=now - timedelta(days=days)).delete()
    ask(_SHORTEN, [hour_of(now) - TREND_HOURS, hour_of(now) - TREND_HOURS])
    return old + ask(_TOO_MANY, [MOST]).row_count


def _of_link(row: MqttConnection) -> Occurrence:
    broker = f"{row.broker_host}:{row.broker_port}"
    return Occurrence(
        site_id=row.site_id,
        kind=ProblemKind.LINK,
        fingerprint=fingerprint(ProblemKind.LINK, broker, row.error_class),
        title=row.error_message or row.error_class,
        detail=broker,
        error_type=row.error_class,
    )


def _of_certificates(row: MqttConnection, now: datetime) -> list[Occurrence]:
    found: list[Occurrence] = []
    for field, name in CERTIFICATES:
        for facts in facts_of(getattr(row, field)):
            said = expiry_sentence(f"{name} {facts.subject}", facts.not_after, now)
            if said:
                mark = fingerprint(ProblemKind.CERTIFICATE, facts.fingerprint)
                found.append(
                    Occurrence(
                        site_id=row.site_id,
                        kind=ProblemKind.CERTIFICATE,
                        fingerprint=mark,
                        title=said,
                        detail=facts.subject[:300],
                    )
                )
    return list({(one.site_id, one.fingerprint): one for one in found}.values())


def _write(kind: ProblemKind, found: Sequence[Occurrence], now: datetime) -> None:
    """New and lasting ones, and the end of the others. One process at a time: two would count the
    same twice.
    """
    with transaction.atomic():
        if not ask(_ALONE, [PROBLEMS_LOCK]).rows()[0][0]:
            return
        open_rows = Problem.objects.filter(kind=kind).exclude(state=ProblemState.RESOLVED)
        known = {(row.site_id, row.fingerprint): row for row in open_rows.order_by("id")}
        news = [
            one for one in found if _is_news(known.get((one.site_id, one.fingerprint)), one, now)
        ]
        if news:
            send([count(news, now)])
        present = {(one.site_id, one.fingerprint) for one in found}
        _resolve([row.pk for key, row in known.items() if key not in present], now)


def _is_news(row: Problem | None, found: Occurrence, now: datetime) -> bool:
    """It is new, says something else, or was last said a while ago."""
    if row is None:
        return True
    return row.title != found.title[: len(row.title)] or row.last_at <= now - SAID_AGAIN


def _resolve(ids: Collection[int], now: datetime) -> None:
    if ids:
        Problem.objects.filter(pk__in=ids).update(
            state=ProblemState.RESOLVED, changed_at=now, changed_by="", ignored_until=None
        )
