"""Topics that get no row: characters that cannot be stored or seen, more levels or bytes than
anybody means.

Their messages are counted as dropped and acknowledged; the parsing log says so once a minute for
each site and reason.
"""

import time
from collections.abc import Iterable

from mqtt_app.conf import config
from mqtt_app.domain.facts import ParseErrorKind
from mqtt_app.domain.ingest.samples import escaped
from mqtt_app.domain.topics import TOPIC_LEVELS, TOPIC_SIZE, unfit
from mqtt_app.logging_utils import log_parsing_error
from mqtt_app.models import MqttConnection, Site

SAY_AGAIN = 60.0  # s between two log rows of one connection about the same reason
SHOWN = 200  # characters of such a topic in the log
REMEMBERED = 10_000  # connections and reasons
_TEXT = (
    "A message was dropped: {why}. Further ones of this kind are counted as dropped ({reason}). Correct what the device"
    " publishes{or_raise}."
)

Key = tuple[int, str]  # connection id, topic
logged: dict[Key, float] = {}


def among(keys: Iterable[Key]) -> dict[Key, str]:
    """The unfit ones, each with the reason of its drop."""
    limits = {"max_levels": config().max_topic_levels, "max_bytes": config().max_topic_bytes}
    found: dict[Key, str] = {}
    for key in keys:
        reason, why = unfit(key[1], **limits)
        if reason:
            found[key] = reason
            _log(key, reason, why)
    return found


_SETTINGS = {TOPIC_LEVELS: "SITEWIRE_MAX_TOPIC_LEVELS", TOPIC_SIZE: "SITEWIRE_MAX_TOPIC_BYTES"}


def _log(key: Key, reason: str, why: str) -> None:
    connection_id, topic = key
    moment = time.monotonic()
    if moment - logged.get((connection_id, reason), -SAY_AGAIN) < SAY_AGAIN:
        return
    site_id = (
        MqttConnection.objects.filter(pk=connection_id).values_list("site_id", flat=True).first()
    )
    if site_id is None:
        return
    if len(logged) >= REMEMBERED:
        logged.clear()
    logged[connection_id, reason] = moment
    or_raise = f", or raise {_SETTINGS[reason]}" if reason in _SETTINGS else ""
    text = _TEXT.format(why=why, reason=reason, or_raise=or_raise)
    log_parsing_error(
        Site(pk=site_id), escaped(topic, SHOWN), "", ParseErrorKind.VALIDATION.value, text
    )
