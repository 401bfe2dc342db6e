"""Nothing that is MQTT answers: settings, names, addresses, strangers."""

import socket

from mqtt_app.domain.probe.stages import ProbeStage, Verdict
from tests.fakes import strangers
from tests.fakes.broken_brokers.made import (
    BEFORE_CONNACK,
    HTTP,
    SSH,
    TLS,
    WEB,
    Broken,
    at,
    half_a_connack,
    hanging,
    nobody,
    picky,
    raising,
    raw,
    rogue,
    secured,
)
from tests.fakes.strangers import FullPort
from tests.fakes.wire import packet, publish

SETTING = [
    Broken(
        "a CA certificate that is none",
        ProbeStage.SETTINGS,
        "Not a PEM certificate",
        nobody,
        {**TLS, "tls_ca": "rubbish"},
        "configuration",
    ),
    Broken(
        "a host that cannot be one",
        ProbeStage.SETTINGS,
        "A part between two dots of the host is empty.",
        nobody,
        {"host": "a..b"},
        "configuration",
    ),
]

NETWORK = [
    Broken(
        "a name that nobody knows",
        ProbeStage.LOOK_UP,
        "The name nowhere.test is not known to the DNS.",
        nobody,
        {"host": "nowhere.test"},
        "network",
        "Check the broker's host.",
        resolve=raising(socket.gaierror(socket.EAI_NONAME, "Name or service not known")),
    ),
    Broken(
        "a name server in trouble",
        ProbeStage.LOOK_UP,
        "The name broker.test could not be looked up (Temporary failure).",
        nobody,
        {"host": "broker.test"},
        "network",
        resolve=raising(socket.gaierror(socket.EAI_AGAIN, "Temporary failure")),
    ),
    Broken(
        "a name server that hangs",
        ProbeStage.LOOK_UP,
        "The DNS did not answer for broker.test in time.",
        nobody,
        {"host": "broker.test"},
        "network",
        resolve=hanging,
    ),
    Broken(
        "a name without an address",
        ProbeStage.LOOK_UP,
        "The name broker.test has no address.",
        nobody,
        {"host": "broker.test"},
        "network",
        resolve=at(),
    ),
    Broken(
        "an address that the installation forbids",
        ProbeStage.TCP,
        "127.0.0.1 is a loopback address",
        nobody,
        error_class="configuration",
        refused="127.0.0.1 is a loopback address, which a broker must not have here. Enter another.",
    ),
    Broken(
        "a closed port",
        ProbeStage.TCP,
        "Nothing listens at 127.0.0.1:",
        nobody,
        error_class="network",
        remedy="Check the port; is the broker running?",
    ),
    Broken(
        "a firewall that drops packets",
        ProbeStage.TCP,
        "No answer from 127.0.0.1:",
        lambda _world: FullPort(),
        error_class="network",
        remedy="Check host, port and firewalls.",
    ),
    Broken(
        "one dead address of two",
        ProbeStage.TCP,
        "1 of 2 addresses do not answer.",
        picky(),
        {"host": "broker.test"},
        verdict=Verdict.WARNING,
        resolve=at("127.0.0.2", "127.0.0.1"),
    ),
]

STRANGERS = [
    Broken(
        "a web server",
        ProbeStage.CONNECT,
        WEB,
        raw(strangers.answers(HTTP)),
        error_class="configuration",
    ),
    Broken(
        "an SSH server",
        ProbeStage.CONNECT,
        "An SSH server answers on this port, not an MQTT broker.",
        raw(strangers.says(SSH)),
        error_class="configuration",
    ),
    Broken(
        "a mail server",
        ProbeStage.CONNECT,
        "Whatever answers on this port is no MQTT broker.",
        raw(strangers.says(b"220 mail.example ESMTP\r\n")),
        error_class="configuration",
    ),
    Broken(
        "rubbish",
        ProbeStage.CONNECT,
        "Whatever answers on this port is no MQTT broker.",
        raw(strangers.answers(b"\xff\xfe\xfd\xfc\xfb")),
        error_class="configuration",
    ),
    Broken(
        "silence",
        ProbeStage.CONNECT,
        "The broker accepted the connection but never answered our CONNECT.",
        raw(strangers.listen),
        error_class="broker",
    ),
    Broken(
        "a closed door",
        ProbeStage.CONNECT,
        BEFORE_CONNACK,
        raw(strangers.hang_up),
        error_class="broker",
    ),
    Broken(
        "half a CONNACK",
        ProbeStage.CONNECT,
        "The broker broke the MQTT protocol: it sent the first 2 bytes of a packet, and not the rest",
        rogue(lambda link: link.send(b"\x20\x03")),
        error_class="broker",
    ),
    Broken(
        "half a CONNACK and a closed door",
        ProbeStage.CONNECT,
        "The broker broke the MQTT protocol: it sent the first 2 bytes of a packet, and the connection",
        rogue(half_a_connack),
        error_class="broker",
    ),
    Broken(
        "a message before the CONNACK",
        ProbeStage.CONNECT,
        "The broker broke the MQTT protocol: it sent a PUBLISH before its CONNACK.",
        rogue(lambda link: link.send(publish(link.version))),
        error_class="broker",
    ),
    Broken(
        "a CONNACK with more than it has room for",
        ProbeStage.CONNECT,
        "The broker broke the MQTT protocol: it sent a CONNACK with reserved flags",
        rogue(
            lambda link: link.send(packet(0x20, b"\x07\x00\x00"[: 3 if link.version == "5" else 2]))
        ),
        error_class="broker",
    ),
    Broken(
        "TLS where none was expected",
        ProbeStage.CONNECT,
        "The broker speaks TLS on this port and we spoke in plain.",
        secured(),
        error_class="tls",
        remedy="Turn on TLS.",
    ),
]
