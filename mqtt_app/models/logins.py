"""Wrong log-ins that are remembered."""

from django.db import models


class LoginCounter(models.Model):
    """The tally of one user name or one address, see `domain/accounts/login_throttle.py`. Gone once
    it is clear.

    `key` holds a hash: what is typed as a user name is now and then a password.
    """

    class Kind(models.TextChoices):
        NAME = "name", "User name"
        ADDRESS = "address", "Address"
        RESET_EMAIL = "reset-email", "Password reset: e-mail"
        RESET_ADDRESS = "reset-address", "Password reset: address"

    key = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    label = models.CharField(max_length=150, blank=True, help_text="Empty: no user has this name.")
    clear_at = models.DateTimeField(db_index=True)
    locked_until = models.DateTimeField(null=True, blank=True)
    pending = models.PositiveIntegerField(default=0)
    pending_since = models.DateTimeField(null=True, blank=True)
    wrong = models.PositiveIntegerField(default=0, help_text="Wrong tries since this row is there.")
    refused = models.PositiveIntegerField(default=0, help_text="Tries while it was locked.")

    class Meta:
        verbose_name = "failed log-in"
        ordering = ("-clear_at", "key")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.label or '(of no user)'}"
