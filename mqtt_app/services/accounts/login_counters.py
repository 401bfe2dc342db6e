"""The rows in which tries to log in are counted; `login_throttle.py` decides by them."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

import msgspec
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from mqtt_app.domain.accounts import login_throttle as rules
from mqtt_app.domain.accounts.login_throttle import LoginTally
from mqtt_app.models import LoginCounter

Kind = LoginCounter.Kind


class Subject(msgspec.Struct, frozen=True, order=True):
    """One thing that tries are counted by. `typed` is in the spelling of `rules.same_...`."""

    kind: str
    value: str

    @property
    def key(self) -> str:
        return f"{self.kind}:{hashlib.sha256(self.value.encode(errors='replace')).hexdigest()}"


class Attempt(msgspec.Struct, frozen=True):
    """What a try is counted by, in the order in which the rows are locked."""

    subjects: tuple[Subject, ...]
    typed: str = ""  # the user name as it came

    @property
    def keys(self) -> list[str]:
        return [subject.key for subject in self.subjects]


def locked_rows(attempt: Attempt) -> list[LoginCounter]:
    """The rows of a try, made where they are missing, and locked."""
    now = timezone.now()
    new = [
        LoginCounter(key=subject.key, kind=subject.kind, label=_first_label(subject), clear_at=now)
        for subject in attempt.subjects
    ]
    # The update changes nothing; it is what locks a row that was there already.
    LoginCounter.objects.bulk_create(
        new, update_conflicts=True, unique_fields=["key"], update_fields=["kind"]
    )
    return list(LoginCounter.objects.filter(key__in=attempt.keys).order_by("key"))


def existing_rows(attempt: Attempt) -> list[LoginCounter]:
    return list(
        LoginCounter.objects.select_for_update().filter(key__in=attempt.keys).order_by("key")
    )


def count_refused(rows: Iterable[LoginCounter], now: datetime) -> None:
    for row in rows:
        if rules.is_locked(row.locked_until, now):
            row.refused += 1
            row.save(update_fields=["refused"])


def remove(rows: QuerySet[LoginCounter]) -> int:
    """Rows that a try has locked at this moment stay: waiting for them could end in a deadlock."""
    with transaction.atomic():
        ids = list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
        number: int = LoginCounter.objects.filter(pk__in=ids).delete()[0]
    return number


def tally_of(row: LoginCounter) -> LoginTally:
    return LoginTally(row.clear_at, row.locked_until, row.pending, row.pending_since)


def put(row: LoginCounter, tally: LoginTally) -> None:
    for field in tally.__struct_fields__:
        setattr(row, field, getattr(tally, field))


def store(row: LoginCounter, tally: LoginTally) -> None:
    put(row, tally)
    row.save()


def _first_label(subject: Subject) -> str:
    """An address is its own label."""
    if subject.kind in {Kind.ADDRESS, Kind.RESET_ADDRESS}:
        return subject.value
    return ""


def label_of(row: LoginCounter, attempt: Attempt) -> str:
    """The name, if a user has it. Anything else may be a password in the wrong field, and is not
    kept.
    """
    typed = attempt.typed.strip()
    if row.kind == Kind.NAME:
        known = get_user_model()._default_manager.filter(username__iexact=typed).exists()
    else:
        known = get_user_model()._default_manager.filter(email__iexact=typed).exists()
    if known:
        return typed[:150]
    return ""
