"""What a test keeps of what it hears."""

from mqtt_app.domain.link.packets import Publish
from mqtt_app.domain.probe.heard import MOST_BYTES, MOST_TOPICS, Heard


def said(topic: str, payload: bytes = b"1", *, retain: bool = False) -> Publish:
    return Publish(topic, payload, 0, retain, False, 0)


def test_a_topic_is_counted_and_has_its_newest_message() -> None:
    heard = Heard()
    heard.add(said("a", b"1", retain=True))
    heard.add(said("b"))
    heard.add(said("a", b"22"))
    assert heard.messages == 3
    topic = heard.topics["a"]
    assert (topic.count, topic.payload, topic.size, topic.retained) == (2, b"22", 2, False)


def test_a_topic_that_only_has_a_retained_message_is_called_that() -> None:
    heard = Heard()
    heard.add(said("a", retain=True))
    assert heard.topics["a"].retained


def test_topics_and_payloads_are_bounded_and_what_is_missed_is_counted() -> None:
    heard = Heard()
    for number in range(MOST_TOPICS + 5):
        heard.add(said(f"t/{number}", b"x" * (MOST_BYTES + 1)))
    heard.add(said("t/0"))
    assert (len(heard.topics), heard.missed, heard.messages) == (MOST_TOPICS, 5, MOST_TOPICS + 6)
    assert len(heard.topics["t/1"].payload) == MOST_BYTES
    assert heard.topics["t/1"].size == MOST_BYTES + 1
