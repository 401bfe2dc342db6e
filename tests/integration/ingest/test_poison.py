"""Whatever the database, or our own code, refuses of a message, at whatever step: only that message
is put aside.
"""

import struct
from collections.abc import Callable, Iterator
from struct import error
from typing import Any

import pytest

from mqtt_app.models import (
    BatchReceipt,
    DeadLetter,
    MqttConnection,
)
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.admission import redeliveries
from mqtt_app.services.ingest.devices import directory, presence
from mqtt_app.services.ingest.memory import PROCESS
from mqtt_app.services.ingest.parsing import failures, parsers
from mqtt_app.services.ingest.readings import rows
from mqtt_app.services.ingest.topics import discovery, unfit
from tests.integration.ingest.poison import (
    POISON,
    TEXT,
    TOPIC,
    assert_only_the_poison_was_put_aside,
    refusing,
    with_poison,
)
from tests.integration.ingest.test_store import NOW, batch, books, message

pytestmark = pytest.mark.django_db

DEVICE = "NEW.identifier LIKE '%poison%'"

# Where it is refused: what the poison says, and what refuses it.
STEPS: dict[str, tuple[str, Any, tuple[str, str, str]]] = {
    "a new topic": (POISON, {"v": 1}, ("mqtt_discoveredtopic", "INSERT", TOPIC)),
    "the count of a topic": (POISON, {"v": 1}, ("mqtt_discoveredtopic", "UPDATE", TOPIC)),
    "a new device": (POISON, {"v": 1}, ("mqtt_device", "INSERT", DEVICE)),
    "a new gateway": (
        "zigbee2mqtt/poison",
        {"temperature": 1.5},
        ("mqtt_gateway", "INSERT", "true"),
    ),
    "presence": (POISON, {"v": 1}, ("mqtt_device", "UPDATE", DEVICE)),
    "a reading": (POISON, {"v": "poison"}, ("mqtt_reading", "INSERT", TEXT)),
    "the latest value": (POISON, {"v": "poison"}, ("mqtt_latestreading", "INSERT", TEXT)),
    "a parsing log row": (
        POISON,
        b"{",
        ("mqtt_mqttparsinglog", "INSERT", "NEW.error_type = 'PARSE_ERROR'"),
    ),
    "the bytes of a failed message": (
        POISON,
        b"{",
        ("mqtt_deadletter", "INSERT", f"{TOPIC} AND NEW.reason = 'failed'"),
    ),
    "parser health": (POISON, b"{", ("mqtt_parserhealth", "INSERT", "true")),
    "the accounting": (POISON, b"{", ("mqtt_sitebooks", "INSERT", "NEW.failed > 0")),
}
CODES = {
    "a value that does not fit": "22023",
    "a constraint": "23514",
    "too large for an index": "54000",
    "a fault of the database": "XX000",
    "a rule of its owner": "P0001",
    "time is up": "57014",
}


@pytest.fixture(autouse=True)
def _fresh_memory() -> Iterator[None]:
    PROCESS.forget()
    yield
    PROCESS.forget()


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
@pytest.mark.parametrize("step", STEPS)
def test_what_the_database_refuses_is_put_aside_alone_at_whatever_step(
    link: MqttConnection, healthy: MqttConnection, step: str, code: str
) -> None:
    topic, payload, refusal = STEPS[step]
    with refusing(refusal, code=code):
        outcome = pipeline.store(with_poison(link, healthy, topic, payload), NOW)
    row = assert_only_the_poison_was_put_aside(link, healthy, outcome, topic)
    assert row.error_type == "DB_ERROR"
    assert "the trigger refuses it" in row.error_message


def of_poison(value: Any) -> bool:
    """Whether a call has to do with the poison."""
    return "poison" in repr(value)


FUNCTIONS: dict[str, tuple[Any, str, Any]] = {
    "duplicates": (redeliveries, "_without_duplicates", {"v": 1}),
    "hashes": (redeliveries, "fingerprint", {"v": 1}),
    "topics": (discovery, "_within_quota", {"v": 1}),
    "counting": (pipeline, "count", {"v": 1}),
    "parsers": (parsers, "run", {"v": 1}),
    "devices": (directory, "_devices", {"v": 1}),
    "rows": (rows, "copy_rows", {"v": "poison"}),
    "latest": (pipeline, "keep_latest", {"v": "poison"}),
    "presence": (presence, "collect", {"v": 1}),
    "failures": (failures, "_wait_or_fail", b"{"),
    "limits": (unfit, "unfit", {"v": 1}),
}
ERRORS = {
    "unknown": RuntimeError("a bug"),
    "key": KeyError("poison"),
    "adaptation": ValueError("cannot be adapted"),
    "unicode": UnicodeEncodeError("utf-8", "poison", 0, 1, "surrogates not allowed"),
    "packing": struct.error("int too large to convert"),
    "type": TypeError("no such operand"),
    "recursion": RecursionError("too deep"),
    "memory": MemoryError(),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("step", FUNCTIONS)
def test_what_our_own_code_fails_at_is_put_aside_alone_at_whatever_step(
    link: MqttConnection,
    healthy: MqttConnection,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    error: Exception | error,
) -> None:
    module, name, payload = FUNCTIONS[step]
    original: Callable[..., Any] = getattr(module, name)

    def fails(*arguments: Any, **named: Any) -> Any:
        if of_poison(arguments):
            raise error
        return original(*arguments, **named)

    monkeypatch.setattr(module, name, fails)
    outcome = pipeline.store(with_poison(link, healthy, POISON, payload), NOW)
    assert_only_the_poison_was_put_aside(link, healthy, outcome)


def test_a_hash_that_is_refused_by_the_delivery_table_costs_its_message_only(
    link: MqttConnection, healthy: MqttConnection
) -> None:
    whole = with_poison(link, healthy, POISON, {"v": 1})
    mark = next(
        redeliveries.fingerprint(one).hex() for one in whole.messages if one.topic == POISON
    )
    refusal = ("mqtt_delivery", "INSERT", f"position('\\x{mark}'::bytea in NEW.entries) > 0")
    with refusing(refusal):
        outcome = pipeline.store(whole, NOW)
    assert_only_the_poison_was_put_aside(link, healthy, outcome)


def test_what_makes_its_own_dead_letter_impossible_is_written_in_escaped_form(
    link: MqttConnection, healthy: MqttConnection
) -> None:
    topic = "hall/poisön"
    holds = "NEW.topic LIKE '%ö%'"
    refusals = [
        (table, "INSERT", holds)
        for table in ("mqtt_discoveredtopic", "mqtt_deadletter", "mqtt_mqttparsinglog")
    ]
    with refusing(*refusals):
        outcome = pipeline.store(with_poison(link, healthy, topic, {"v": 1}), NOW)
    assert_only_the_poison_was_put_aside(link, healthy, outcome, "hall/pois\\xf6n")


def test_a_dead_letter_without_a_log_row_is_better_than_none(
    link: MqttConnection, healthy: MqttConnection
) -> None:
    with refusing(
        ("mqtt_discoveredtopic", "INSERT", TOPIC), ("mqtt_mqttparsinglog", "INSERT", "true")
    ):
        pipeline.store(with_poison(link, healthy, POISON, {"v": 1}), NOW)
    assert DeadLetter.objects.get().topic == POISON
    assert books(link) == {"stored": 6, "quarantined": 1}


def test_what_cannot_be_written_in_any_form_is_counted(
    link: MqttConnection, healthy: MqttConnection
) -> None:
    with refusing(("mqtt_discoveredtopic", "INSERT", TOPIC), ("mqtt_deadletter", "INSERT", "true")):
        pipeline.store(with_poison(link, healthy, POISON, {"v": 1}), NOW)
    assert books(link) == {"stored": 6, "refused": 1}
    assert books(healthy) == {"stored": 6}


def test_what_cannot_even_be_counted_holds_nobody_up(
    link: MqttConnection, healthy: MqttConnection
) -> None:
    with refusing(("mqtt_sitebooks", "INSERT", f"NEW.site_id = {link.site_id}")):
        outcome = pipeline.store(with_poison(link, healthy, POISON, {"v": 1}), NOW)
    assert outcome.refused == {link.pk}
    assert books(healthy) == {"stored": 6}
    assert BatchReceipt.objects.count() == 1


def test_a_poison_that_is_alone_in_its_batch_is_put_aside(link: MqttConnection) -> None:
    with refusing(("mqtt_discoveredtopic", "INSERT", TOPIC)):
        pipeline.store(batch(message(link, POISON, {"v": 1})), NOW)
    assert books(link) == {"quarantined": 1}


def test_a_redelivery_of_a_dead_letter_is_a_duplicate(link: MqttConnection) -> None:
    with refusing(("mqtt_discoveredtopic", "INSERT", TOPIC)):
        pipeline.store(batch(message(link, POISON, {"v": 1}, packet_id=7)), NOW)
        pipeline.store(batch(message(link, POISON, {"v": 1}, packet_id=7, dup=True)), NOW)
    assert books(link) == {"quarantined": 1, "duplicate": 1}
