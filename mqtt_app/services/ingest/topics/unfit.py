"""Topics that get no row: characters that cannot be stored or seen, more levels or bytes than the
limits.

Their messages are counted as dropped and acknowledged; the parsing log has it once a minute for
each connection and reason.
"""

from collections.abc import Iterable

from mqtt_app.conf import config
from mqtt_app.domain.facts import ParseErrorKind
from mqtt_app.domain.ingest.samples import escaped
from mqtt_app.domain.topics import TOPIC_LEVELS, TOPIC_SIZE, unfit
from mqtt_app.logging_utils import log_parsing_error
from mqtt_app.models import MqttConnection, Site
from mqtt_app.services.ingest.records import TopicKey
from mqtt_app.services.ingest.repeats import OncePerMinute

SHOWN = 200  # characters of such a topic in the log
_TEXT = (
    "A message was dropped: {why}. Further ones of this kind are counted as dropped ({reason})."
    " Correct what the device publishes{or_raise}."
)
_SETTINGS = {TOPIC_LEVELS: "SITEWIRE_MAX_TOPIC_LEVELS", TOPIC_SIZE: "SITEWIRE_MAX_TOPIC_BYTES"}

notices = OncePerMinute()


def among(keys: Iterable[TopicKey]) -> dict[TopicKey, str]:
    """The unfit ones, each with the reason of its drop."""
    limits = {"max_levels": config().max_topic_levels, "max_bytes": config().max_topic_bytes}
    found: dict[TopicKey, str] = {}
    for key in keys:
        reason, why = unfit(key[1], **limits)
        if reason:
            found[key] = reason
            _log(key, reason, why)
    return found


def _log(key: TopicKey, reason: str, why: str) -> None:
    connection_id, topic = key
    if not notices.is_due((connection_id, reason)):
        return
    sites = MqttConnection.objects.filter(pk=connection_id).values_list("site_id", flat=True)
    site_id = sites.first()
    if site_id is None:
        return
    if reason in _SETTINGS:
        or_raise = f", or raise {_SETTINGS[reason]}"
    else:
        or_raise = ""
    text = _TEXT.format(why=why, reason=reason, or_raise=or_raise)
    kind = ParseErrorKind.VALIDATION.value
    log_parsing_error(Site(pk=site_id), escaped(topic, SHOWN), "", kind, text)
