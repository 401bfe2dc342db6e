"""It is a broker, and it refuses."""

from collections.abc import Iterator

from mqtt_app.domain.link.answers.reason_codes import REASON_CODES, RETURN_CODES
from mqtt_app.domain.probe.stages import ProbeStage, Verdict
from tests.fakes.broken_brokers.made import (
    OLD,
    Broken,
    deaf,
    instead_of_suback,
    picky,
    refusing,
    rogue,
    subscribed,
)
from tests.fakes.picky import number
from tests.fakes.wire import answer, packet, publish

SUBSCRIPTIONS = [
    Broken(
        "a filter that is not allowed",
        ProbeStage.SUBSCRIBE,
        "The broker refuses 1 of 1 topic filters: `plant/#`.",
        picky(suback_code=0x87),
        error_class="configuration",
        remedy="Ask whoever runs the broker for the right to it, or remove it.",
    ),
    Broken(
        "a filter that MQTT 3.1.1 refuses",
        ProbeStage.SUBSCRIBE,
        "The broker refuses 1 of 1 topic filters: `plant/#`.",
        picky(suback_code=0x80),
        OLD,
        "configuration",
    ),
    Broken(
        "a broker without wildcards",
        ProbeStage.SUBSCRIBE,
        "The broker refuses 1 of 1 topic filters: `plant/#`.",
        picky(properties=number(0x28, 1, 0)),
        error_class="configuration",
    ),
    Broken(
        "a broker that hangs up for a filter",
        ProbeStage.SUBSCRIBE,
        "The broker closes the connection when asked for `plant/#`.",
        picky(hangs_up_for=lambda name: name == "plant/#"),
        error_class="broker",
        remedy="Ask whoever runs the broker for the right to it, or remove it.",
    ),
    Broken(
        "a broker that says goodbye for a filter",
        ProbeStage.SUBSCRIBE,
        "The broker closes the connection when asked for `plant/#`.",
        rogue(instead_of_suback(lambda version: packet(0xE0, b"\x87\x00"))),
        error_class="broker",
    ),
    Broken(
        "a broker that never answers subscriptions",
        ProbeStage.SUBSCRIBE,
        "The broker did not answer our subscriptions.",
        rogue(deaf),
        error_class="broker",
    ),
    Broken(
        "a SUBACK with a reserved code",
        ProbeStage.SUBSCRIBE,
        "The broker broke the MQTT protocol: it sent a SUBACK with the reserved code 0x03.",
        rogue(instead_of_suback(lambda version: answer(0x90, version, 1, b"\x03"))),
        error_class="broker",
    ),
    Broken(
        "no message",
        ProbeStage.MESSAGE,
        "Nothing arrived within 1 s.",
        picky(),
        verdict=Verdict.WARNING,
    ),
    Broken(
        "a message that MQTT forbids",
        ProbeStage.MESSAGE,
        "The broker broke the MQTT protocol: it sent a PUBLISH of QoS 2",
        rogue(subscribed(lambda version: publish(version, qos=2))),
        error_class="broker",
    ),
    Broken(
        "a broker that leaves after the SUBACK",
        ProbeStage.MESSAGE,
        "The broker closed the connection, or the network broke it.",
        rogue(subscribed(lambda version: b"", closes=True)),
        error_class="network",
    ),
]


def connacks() -> Iterator[Broken]:
    """Each code with which a broker may refuse, in both versions."""
    for code, reason in RETURN_CODES.items():
        yield Broken(
            f"MQTT 3.1.1 refuses with {code}",
            ProbeStage.CONNECT,
            reason.words,
            rogue(refusing(code)),
            OLD,
            reason.kind,
            reason.remedy,
        )
    for code, reason in REASON_CODES.items():
        if code >= 0x80:
            yield Broken(
                f"MQTT 5 refuses with {code:#x}",
                ProbeStage.CONNECT,
                reason.words,
                rogue(refusing(code)),
                {"protocol_version": "5"},
                reason.kind,
                reason.remedy,
            )
