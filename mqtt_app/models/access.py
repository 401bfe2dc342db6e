"""Who may reach a site, with what credential, and what was done in whose name."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from knox.models import AbstractAuthToken

from mqtt_app.domain.access import ROLE_CHOICES, SCOPE_CHOICES, Role, Scope
from mqtt_app.models.sites import Site
from mqtt_app.models.validators import validate_name


class Membership(models.Model):
    """What a user may do at one site, or at all of them. Superusers need none."""

    site = models.ForeignKey(
        Site,
        on_delete=models.CASCADE,
        related_name="memberships",
        null=True,
        blank=True,
        help_text="Empty: all sites, also those to come.",
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(
        max_length=10,
        choices=ROLE_CHOICES,
        default=Role.VIEWER.value,
        db_default=Role.VIEWER.value,
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("site", "user"), name="one_membership_per_site_and_user"
            ),
            models.UniqueConstraint(
                fields=("user",), condition=Q(site=None), name="one_membership_for_all_sites"
            ),
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in Role]), name="membership_role_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user}: {self.role} of {self.site or 'all sites'}"


class ApiToken(AbstractAuthToken):  # type: ignore[misc]  # knox has no types
    """A credential for programs. Only its hash is stored; it is shown once, when it is made.

    It allows what its user may do, and of that no more than `scope` at `site_ids` (None: all sites
    of the user).
    """

    id = models.BigAutoField(primary_key=True)
    digest = models.CharField(
        max_length=128, unique=True, editable=False
    )  # not in addresses, as the base's key is
    name = models.CharField(max_length=100, default="API log-in", validators=[validate_name])
    scope = models.CharField(max_length=10, choices=SCOPE_CHOICES, default=Scope.MANAGE.value)
    site_ids = ArrayField(
        models.BigIntegerField(), null=True, blank=True, help_text="Empty: all sites of its user."
    )
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_address = models.GenericIPAddressField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-created",)
        constraints = (
            models.CheckConstraint(
                condition=Q(scope__in=[scope.value for scope in Scope]), name="token_scope_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.token_key[:8]}...) of {self.user}"


class AuditEntry(models.Model):
    """One change of one object, or one event of an account. Rows are added and never altered.

    No foreign keys: an entry outlives the user and the object that it names.
    """

    at = models.DateTimeField(db_index=True)
    source = models.CharField(max_length=10)
    user_id = models.BigIntegerField(null=True, blank=True)
    user_name = models.CharField(max_length=200, blank=True)
    token_name = models.CharField(max_length=100, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    action = models.CharField(max_length=40)
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=60, blank=True)
    object_label = models.CharField(max_length=200, blank=True)
    site_id = models.BigIntegerField(null=True, blank=True)
    changes = models.JSONField(
        default=dict, blank=True, help_text="{field: [old, new]}; a secret is 'changed'."
    )

    class Meta:
        verbose_name_plural = "audit entries"
        ordering = ("-at", "-id")
        indexes = (
            models.Index(fields=("site_id", "-at", "-id"), name="audit_by_site"),
            models.Index(fields=("user_name", "-at", "-id"), name="audit_by_user"),
            models.Index(fields=("action", "-at", "-id"), name="audit_by_action"),
        )

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.user_name}: {self.action} {self.object_label}"
