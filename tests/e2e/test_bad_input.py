"""Bad brokers and bad payloads: a clear error where its user looks, and nothing good is lost."""

import json
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.brokers import Mosquitto
from tests.publisher import publisher
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto]


def refused(stack: Stack, site_id: int, seconds: float = 20) -> dict[str, str]:
    """The link's last error once the connection is in error."""
    stack.switch(site_id, "start")
    wait_for(lambda: stack.status(site_id) == "error", seconds, what=f"error of site {site_id}")
    status = stack.get(f"sites/{site_id}/status/")
    connection = stack.get(f"sites/{site_id}/connection/")
    stack.switch(site_id, "stop")
    return {"message": connection["error_message"], "text": json.dumps(status).lower()}


@pytest.fixture
def odd_broker() -> Iterator[tuple[int, list[bytes]]]:
    """SubackResults every client with the bytes in the list, then closes; with an empty list it never
    answers.
    """
    answers: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            held.append(client)
            if answers:
                client.recv(1024)
                client.sendall(answers[0])
                client.close()

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    yield listener.getsockname()[1], answers
    listener.shutdown(socket.SHUT_RDWR)  # ends the accept
    server.join()
    listener.close()
    for client in held:
        client.close()


def test_a_wrong_password_is_named_at_the_first_connack(
    stack: Stack, tls_broker: Mosquitto
) -> None:
    site_id = stack.site("wrong password", tls_broker.port, username="site", password="not it")
    found = refused(stack, site_id)
    assert "credentials" in found["text"]
    assert "not it" not in found["text"]


def test_a_wrong_ca_is_a_tls_error(
    stack: Stack, tls_broker: Mosquitto, mutual_tls_broker: Mosquitto
) -> None:
    site_id = stack.site(
        "wrong ca",
        tls_broker.tls_port,
        use_tls=True,
        tls_ca_certificate=mutual_tls_broker.ca_pem,
        username="site",
        password="s3cret!",
    )
    assert '"tls"' in refused(stack, site_id)["text"]


def test_a_tls_port_spoken_to_in_plain_is_explained(stack: Stack, tls_broker: Mosquitto) -> None:
    assert (
        "tls" in refused(stack, stack.site("plain to tls", tls_broker.tls_port))["message"].lower()
    )


def test_a_web_server_is_told_from_a_broker(
    stack: Stack, odd_broker: tuple[int, list[bytes]]
) -> None:
    port, answers = odd_broker
    answers.append(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    assert "http" in refused(stack, stack.site("web server", port))["message"].lower()


def test_a_broker_that_never_answers_is_given_up_in_time(
    stack: Stack, odd_broker: tuple[int, list[bytes]]
) -> None:
    port, _ = odd_broker
    assert "never answered" in refused(stack, stack.site("silent", port))["message"].lower()


def test_a_port_where_nobody_listens_is_a_network_error(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert '"network"' in refused(stack, stack.site("nobody", port))["text"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("broker_host", "a..b"),
        ("broker_host", "no host name"),
        ("broker_port", 0),
        ("broker_port", 70000),
    ],
)
def test_an_impossible_address_is_refused_by_the_api(
    stack: Stack, broker: Mosquitto, field: str, value: str | int
) -> None:
    site_id = stack.site(f"bad {field} {value}", broker.port)
    answer = stack.call("PATCH", f"sites/{site_id}/connection/", {field: value})
    assert answer.status_code == 400
    assert field in answer.json()


def test_an_impossible_filter_is_refused_by_the_api(stack: Stack, broker: Mosquitto) -> None:
    site_id = stack.site("bad filter", broker.port)
    answer = stack.call("POST", f"sites/{site_id}/topics/", {"filter": "foo/#/baz", "qos": 1})
    assert answer.status_code == 400
    assert "filter" in answer.json()


BAD_PAYLOADS = {
    "not-utf8": b'{"a": "\xff\xfe"}',
    "truncated": b'{"a": 1',
    "nan": b'{"a": NaN}',
    "infinite": b'{"a": 1e999}',
    "nul": b'{"a": "x\\u0000y"}',
    "surrogate": b'{"a": "\\ud800"}',
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "long-integer": b'{"a": ' + b"9" * 5_000 + b"}",
}


def test_bad_payloads_are_logged_and_the_good_ones_between_them_are_stored(
    stack: Stack, broker: Mosquitto
) -> None:
    site_id = stack.site("bad payloads", broker.port, ("bad/#",))
    stack.switch(site_id, "start")
    stack.until(site_id, "connected")
    with publisher(broker.port) as sender:
        for number, (name, payload) in enumerate(BAD_PAYLOADS.items()):
            sender.send(f"bad/{name}", '{"a": 0}')  # so that a parser knows the topic
            sender.send(f"bad/{name}", payload)
            sender.send("bad/good", json.dumps({"n": number}))
        sender.send("bad/huge", b'{"a": "' + b"x" * 5_000_000 + b'"}')
        sender.send("bad/good", json.dumps({"n": 99}))
    count = """SELECT count(*) FROM mqtt_reading r JOIN mqtt_device d ON d.id = r.device_id
               WHERE d.site_id = %s AND metric = 'n'"""
    wait_for(
        lambda: stack.one(count, site_id) == len(BAD_PAYLOADS) + 1, 30, what="every good message"
    )
    errors = wait_for(
        lambda: stack.get(f"parsing-logs/?site={site_id}&page_size=100")["results"], 10
    )
    assert {row["topic"] for row in errors} >= {f"bad/{name}" for name in BAD_PAYLOADS}
    assert all(row["error_message"] for row in errors)
    assert stack.status(site_id) == "connected"


@pytest.mark.parametrize(("name", "stamp"), [("1970", 1), ("2262", 9_223_372_036)])
def test_an_implausible_time_is_kept_but_never_the_latest(
    stack: Stack, broker: Mosquitto, name: str, stamp: int
) -> None:
    site_id = stack.site(f"clock {name}", broker.port, (f"clock{name}/#",))
    stack.switch(site_id, "start")
    stack.until(site_id, "connected")
    with publisher(broker.port) as sender:
        sender.send(f"clock{name}/d", '{"v": 1}')
        sender.send(f"clock{name}/d", json.dumps({"v": 2, "ts": stamp}))
    device = "SELECT id FROM mqtt_device WHERE site_id = %s"
    wait_for(
        lambda: (
            stack.one(f"SELECT count(*) FROM mqtt_reading WHERE device_id = ({device})", site_id)
            == 2
        ),
        15,
    )
    assert (
        stack.one(f"SELECT value FROM mqtt_latestreading WHERE device_id = ({device})", site_id)
        == 1
    )
