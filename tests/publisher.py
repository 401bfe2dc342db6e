"""A real MQTT publisher that knows which of its messages the broker has acknowledged."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


class Publisher:
    """`uncertain`: numbers that were not acknowledged when the link broke; they are sent once more,
    so that the broker may have them twice.
    """

    def __init__(
        self, port: int, host: str = "127.0.0.1", client_id: str = "", **options: Any
    ) -> None:
        self.acknowledged: set[int] = set()
        self.uncertain: set[int] = set()
        self._numbers: dict[int, int] = {}
        self._early: set[int] = set()  # acknowledged before we knew their packet ids
        self._lock = threading.Lock()
        protocol = options.get("protocol", mqtt.MQTTv5)
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, protocol=protocol)
        self.client.max_inflight_messages_set(200)
        self.client.reconnect_delay_set(0.5, 1)  # type: ignore[arg-type]  # paho sleeps parts of a second, too
        self.client.on_publish = self._on_publish
        self.client.on_disconnect = self._on_disconnect
        if "username" in options:
            self.client.username_pw_set(options["username"], options.get("password"))
        if "ca" in options:
            self.client.tls_set(options["ca"], options.get("certificate"), options.get("key"))
        self.client.connect(host, port)
        self.client.loop_start()
        deadline = time.monotonic() + 10
        while not self.client.is_connected():
            assert time.monotonic() < deadline, "the publisher cannot connect"
            time.sleep(0.01)

    def _on_publish(self, _client: Any, _userdata: Any, packet_id: int, *_: Any) -> None:
        with self._lock:
            number = self._numbers.pop(packet_id, None)
            if number is not None:
                self.acknowledged.add(number)
            else:
                self._early.add(packet_id)

    def _on_disconnect(self, *_: Any) -> None:
        with self._lock:
            self.uncertain |= set(self._numbers.values())

    def send(self, topic: str, payload: bytes | str, qos: int = 1, retain: bool = False) -> None:
        sent = self.client.publish(topic, payload, qos, retain)
        sent.wait_for_publish(10)
        with self._lock:
            self._early.discard(sent.mid)

    def number(self, topic: str, number: int) -> None:
        """Publish {"seq": number} at QoS 1 without waiting for the PUBACK."""
        sent = self.client.publish(
            topic, json.dumps({"seq": number}), 1
        )  # our lock held meanwhile: a deadlock
        with self._lock:
            if sent.mid in self._early:
                self._early.discard(sent.mid)
                self.acknowledged.add(number)
            else:
                self._numbers[sent.mid] = number

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def publisher(port: int, **options: Any) -> Iterator[Publisher]:
    connected = Publisher(port, **options)
    try:
        yield connected
    finally:
        connected.close()
