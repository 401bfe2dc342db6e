"""Who sees why exactly a link fails, and rows as everybody else sees them."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Q

from mqtt_app.domain.link.disclosure import LOST, error_in_general, log_in_general
from mqtt_app.models import MqttConnection, MqttConnectionLog

TELLING = Q(retry_attempt__isnull=False) | Q(message__startswith=LOST)
"""Connection log rows that are shown in general words; a search in their words would give them
away.
"""


def sees_failures(user: AbstractBaseUser | AnonymousUser | None) -> bool:
    """Whether this user is told what was found at a broker's address, and not only the class of the
    failure.
    """
    return bool(user is not None and user.is_active and getattr(user, "is_superuser", False))


def conceal(connection: MqttConnection) -> None:
    """Replaces its error by general words, on this object; it is not to be saved."""
    connection.error_message = error_in_general(connection.error_class, connection.error_message)


def conceal_log(row: MqttConnectionLog) -> None:
    """The same for a line of its log, with the exception that belongs to it."""
    shown = log_in_general(row.message, row.retry_attempt)
    if shown != row.message:
        row.message, row.exception_type, row.exception_traceback = shown, "", ""
