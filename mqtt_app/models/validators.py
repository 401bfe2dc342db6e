"""Django's face of the pure rules in `domain`."""

from zoneinfo import available_timezones

from django.core.exceptions import ValidationError

from mqtt_app.domain.link.hosts import HostError, validate_host
from mqtt_app.domain.names import deceptive_character
from mqtt_app.domain.topics import TopicError, validate_filter


def validate_broker_host(value: str) -> None:
    try:
        validate_host(value)
    except HostError as error:
        raise ValidationError(str(error), code="invalid_host") from None


def validate_topic_filter(value: str) -> None:
    try:
        validate_filter(value)
    except TopicError as error:
        raise ValidationError(str(error), code="invalid_filter") from None


def validate_name(value: str) -> None:
    """For whatever people enter and others read: a site's, device's, user's or token's name."""
    found = deceptive_character(value)
    if found:
        message = "It holds %(character)s, a character that is invisible or turns text around. Type the text anew."
        raise ValidationError(message, code="deceptive_character", params={"character": found})


def validate_time_zone(value: str) -> None:
    """An IANA name, as `Message.time_zone` has it."""
    if value and value not in available_timezones():
        message = "There is no time zone of this name. Enter one such as Europe/Berlin or UTC."
        raise ValidationError(message, code="invalid_time_zone")
