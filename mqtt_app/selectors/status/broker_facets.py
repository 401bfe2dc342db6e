"""What is stored of a broker's limits and of the trouble with its link, for the facets."""

from datetime import UTC, datetime

import msgspec

from mqtt_app.domain.link.answers.capabilities import BrokerCapabilities, sentence
from mqtt_app.domain.link.grants import REFUSED
from mqtt_app.domain.link.trouble import filter_trials, interruptions
from mqtt_app.domain.link.trouble.filter_trials import FilterTrials
from mqtt_app.domain.link.trouble.memory import memory_from
from mqtt_app.models import MqttConnection, MqttTopic


def allows(row: MqttConnection) -> str:
    """What the broker allows, in words; "" while that is not known."""
    try:
        return sentence(msgspec.convert(row.capabilities, BrokerCapabilities))
    except msgspec.ValidationError:
        return ""


def flapping(row: MqttConnection, now: float) -> str:
    """How the link comes and goes, "" when it does not. `now`: unix seconds."""
    history = memory_from(row.link_memory).interruptions
    found = interruptions.judge(history, float(row.keepalive), now)
    if found:
        return interruptions.sentence(found)
    return ""


def left_out(row: MqttConnection, wanted: list[str]) -> str:
    """The filters for which the broker closes the connection, in a sentence; "" without any."""
    guilty = memory_from(row.link_memory).trials.guilty
    names = [name for name in wanted if name in guilty]
    if names:
        return filter_trials.sentence_of(names)
    return ""


def filter_state(topic: MqttTopic, trials: FilterTrials) -> str:
    if topic.filter in trials.guilty:
        return "left out"
    if topic.granted_qos is None:
        return "unanswered"
    if topic.granted_qos >= REFUSED:
        return "refused"
    return "granted"


def tried_again_at(topic: MqttTopic, trials: FilterTrials) -> datetime | None:
    found = trials.guilty.get(topic.filter)
    if found:
        return datetime.fromtimestamp(found.again_at, UTC)
    return None
