"""What people decide about problems."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from mqtt_app.domain.problems import ProblemState
from mqtt_app.models import Problem
from mqtt_app.services import audit


def decide(problem: Problem, values: Mapping[str, Any]) -> Problem:
    """`values`: any of `state`, `ignored_until`, `note`. Only an ignored one has a time."""
    with transaction.atomic():
        stored = Problem.objects.select_for_update(no_key=True).get(pk=problem.pk)
        after = dict(values)
        if after.get("state", stored.state) != ProblemState.IGNORED:
            after["ignored_until"] = None
        before = audit.values_of(stored, after)
        if before == after:
            return stored
        audit.record("decided about", stored, before=before, after=after)
        for name, value in after.items():
            setattr(stored, name, value)
        stored.changed_at = timezone.now()
        stored.changed_by = audit.current_actor().user_name[:200]
        stored.save(update_fields=[*after, "changed_at", "changed_by"])
    return stored
