"""POST parsers/try/: who claims a message and what is read in it, with nothing stored."""

import base64

import pytest

from mqtt_app.models import Device, DiscoveredTopic, MqttParsingLog, Site
from tests.answers import Answer
from tests.integration.api.client import Caller


def ask(caller: Caller, topic: str = "zigbee2mqtt/lamp", **body: str) -> Answer:
    return caller.call("POST", "parsers/try/", {"topic": topic, **body})


def test_a_message_shows_its_parsers_and_readings(root: Caller) -> None:
    answer = ask(root, payload='{"temperature": 21.5}').json()
    assert answer["parser"] == "zigbee2mqtt"
    assert [claim["parser"] for claim in answer["claims"]][:2] == ["zigbee2mqtt", "json"]
    assert [claim["confidence"] for claim in answer["claims"]] == sorted(
        (claim["confidence"] for claim in answer["claims"]), reverse=True
    )
    (reading,) = [fact for fact in answer["facts"] if fact["fact"] == "reading"]
    assert (reading["metric"], reading["value"]) == ("temperature", 21.5)
    assert answer["error"] is None


def test_a_message_that_cannot_be_read_shows_the_error(root: Caller) -> None:
    answer = ask(root, payload='{"temperature": ').json()
    assert answer["facts"] == []
    assert answer["error"]["error_type"] == "PARSE_ERROR"
    assert "breaks off" in answer["error"]["message"]


def test_bytes_come_as_base64_and_go_back_as_base64(root: Caller) -> None:
    frame = bytes.fromhex("0883b1dba8ca31120e0a03526177201182010401ff00fe")
    answer = ask(
        root, "spBv1.0/G/DDATA/N/D", payload_base64=base64.b64encode(frame).decode()
    ).json()
    assert answer["parser"] == "sparkplug"
    (reading,) = [fact for fact in answer["facts"] if fact["fact"] == "reading"]
    assert reading["value"] == {"base64": "Af8A/g=="}


def test_a_message_that_no_parser_takes_has_no_claims(root: Caller) -> None:
    answer = ask(root, "lab/x", payload_base64=base64.b64encode(b"\x01\xff\x00").decode()).json()
    assert (answer["parser"], answer["facts"], answer["error"]) == (None, [], None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"payload": "1", "payload_base64": "MQ=="}, "payload"),
        ({}, "payload"),
        ({"payload_base64": "%"}, "payload_base64"),
        ({"topic": "a/#", "payload": "1"}, "topic"),
        ({"topic": "", "payload": "1"}, "topic"),
        ({"payload": "1", "time_zone": "Mars/Olympus"}, "time_zone"),
        ({"payload": "1", "time_zone": "Europe"}, "time_zone"),
        ({"payload": "1", "time_zone": "../etc/passwd"}, "time_zone"),
        ({"payload": "\ud800"}, "payload"),
    ],
)
def test_a_wrong_question_is_answered_by_its_field(
    root: Caller, body: dict[str, str], field: str
) -> None:
    answer = ask(root, **body)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


def test_the_longest_payload_is_taken_and_one_byte_more_is_not(root: Caller) -> None:
    longest = b"[" + b" " * 699_998 + b"]"
    text = longest.decode()
    encoded = base64.b64encode(longest).decode()
    one_more = base64.b64encode(longest + b" ").decode()
    assert ask(root, payload=text).status_code == 200
    assert ask(root, payload_base64=encoded).status_code == 200
    assert list(ask(root, payload=text + " ").json()) == ["payload"]
    assert list(ask(root, payload_base64=one_more).json()) == ["payload"]


def test_nothing_is_stored_whatever_comes(root: Caller, site: Site) -> None:
    before = [model.objects.count() for model in (Device, DiscoveredTopic, MqttParsingLog)]
    ask(root, payload='{"temperature": 21.5}')
    ask(root, payload="{")
    assert [model.objects.count() for model in (Device, DiscoveredTopic, MqttParsingLog)] == before
