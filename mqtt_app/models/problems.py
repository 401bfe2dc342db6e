"""What is wrong at a site, each cause one row however often it happens."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from mqtt_app.domain.problems import MAX_TITLE, ProblemKind, ProblemState
from mqtt_app.models.sites import Site
from mqtt_app.models.validators import validate_name

KINDS = [(kind.value, kind.value) for kind in ProblemKind]
STATES = [(state.value, state.value) for state in ProblemState]


class Problem(models.Model):
    """`fingerprint` is the same for the same cause, at every site. `hours`: occurrences by hours
    since 1970, the last two days. `topics`: some of those concerned. `detail`: the parser of a
    parsing error, the broker of a link. `error_type`: kind of parsing error, class of a link's.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="problems")
    kind = models.CharField(max_length=11, choices=KINDS)
    fingerprint = models.UUIDField()
    detail = models.CharField(max_length=300, blank=True, default="")
    error_type = models.CharField(max_length=20, blank=True, default="")
    title = models.CharField(max_length=MAX_TITLE)
    count = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    topics = ArrayField(models.TextField(), default=list, blank=True)
    sample = models.BinaryField(null=True, blank=True)
    hours = models.JSONField(default=dict, blank=True)
    state = models.CharField(
        max_length=8, choices=STATES, default=ProblemState.OPEN.value, db_default="open"
    )
    ignored_until = models.DateTimeField(
        null=True, blank=True, help_text="Of an ignored one; empty: for ever."
    )
    note = models.CharField(
        max_length=300, blank=True, default="", db_default="", validators=[validate_name]
    )
    changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    changed_by = models.CharField(
        max_length=200, blank=True, default="", db_default="", editable=False
    )
    reopened_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-last_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("site", "fingerprint"), name="one_problem_per_site_and_fingerprint"
            ),
        )
        indexes = (models.Index(fields=("state", "-last_at"), name="mqtt_problem_state"),)

    def __str__(self) -> str:
        return self.title
