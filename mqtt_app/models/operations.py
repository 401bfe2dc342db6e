import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from mqtt_app.domain.operations import OPEN, OperationKind, OperationState
from mqtt_app.models.fields import EncryptedTextField
from mqtt_app.models.sites import Site

KINDS = tuple((kind.value, kind.value.capitalize()) for kind in OperationKind)
STATES = tuple((state.value, state.value.capitalize()) for state in OperationState)


class Operation(models.Model):
    """Something that was asked for and takes a while. Holds no secrets but `sealed`: the settings
    of a test of a connection, encrypted, until it ends.

    Those about one link have a `site`. Those about many have none, and are shown to whoever asked
    for them and to superusers; `site_ids` is what is still to be done of them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=KINDS)
    action = models.CharField(max_length=8, blank=True, help_text="Of a bulk operation.")
    state = models.CharField(max_length=10, choices=STATES, default=OperationState.PENDING.value)
    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, null=True, blank=True, related_name="operations"
    )
    site_ids = ArrayField(models.BigIntegerField(), default=list, blank=True, editable=False)
    user_id = models.BigIntegerField(null=True, blank=True)
    asked_by = models.CharField(max_length=320, blank=True)
    observed_generation = models.PositiveBigIntegerField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=1)
    timeline = models.JSONField(default=list, blank=True)
    result = models.JSONField(default=dict, blank=True)
    error_class = models.CharField(max_length=16, blank=True)
    error = models.TextField(blank=True)
    sealed = EncryptedTextField(blank=True, default="", db_default="", editable=False)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(
                fields=("site",),
                name="mqtt_operation_open",
                condition=Q(state__in=[state.value for state in OPEN]),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
