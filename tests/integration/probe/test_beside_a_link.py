"""A test beside a running client at a real broker: nothing of the client's is disturbed."""

import io
import json
import queue
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
import pytest
from django.core.management import CommandError, call_command
from paho.mqtt.enums import CallbackAPIVersion

from mqtt_app.domain.probe.stages import StageResult, Verdict
from mqtt_app.models import MqttConnection
from mqtt_app.mqtt.probe.dialing import ProbeTools
from mqtt_app.services.probes import run
from tests.brokers import CertificateAuthority, Mosquitto
from tests.integration.api.client import connected_site

pytestmark = [pytest.mark.django_db, pytest.mark.mosquitto]
USERS = {"plant": "canary-mosquitto"}


@pytest.fixture(scope="module")
def real(mosquitto: Callable[..., Mosquitto], authority: CertificateAuthority) -> Mosquitto:
    return mosquitto(users=USERS, tls=authority)


def client(broker: Mosquitto, name: str, **options: Any) -> paho.Client:
    made = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, **options)
    made.username_pw_set("plant", USERS["plant"])
    made.connect(broker.host, broker.port, keepalive=30)
    made.loop_start()
    return made


def explained(site: Any, tools: ProbeTools) -> dict[str, StageResult]:
    found: list[StageResult] = []
    run.explain(site, found.append, tools)
    return {result.stage.value: result for result in found}


def test_a_running_link_is_not_disturbed(real: Mosquitto, tools: ProbeTools) -> None:
    site = connected_site(
        broker_host=real.host,
        broker_port=real.port,
        username="plant",
        password=USERS["plant"],
        client_id="running-link",
        is_active=True,
    )
    came: queue.Queue[bytes] = queue.Queue()
    lost: list[Any] = []
    running = client(real, "running-link", clean_session=False)
    running.on_message = lambda _client, _data, message: came.put(bytes(message.payload))
    running.on_disconnect = lambda *why: lost.append(why)
    running.subscribe("plant/#", 1)
    publisher = client(real, "publisher")
    publisher.publish("plant/boiler/temperature", "21.5", 1, retain=True).wait_for_publish(5)
    assert came.get(timeout=5) == b"21.5"
    results = explained(site, tools)
    publisher.publish("plant/boiler/temperature", "22", 1).wait_for_publish(5)
    assert came.get(timeout=5) == b"22"
    assert lost == []
    assert running.is_connected()
    assert came.empty()
    for stopped in (running, publisher):
        stopped.disconnect()
        stopped.loop_stop()
    assert results["connect"].verdict is Verdict.OK
    assert results["message"].evidence[0] == "plant/boiler/temperature: 4 bytes, retained"
    assert results["parser"].verdict is Verdict.OK
    assert real.log_text().count("sitewire-t") > 0
    assert "already connected" not in real.log_text()


@pytest.mark.parametrize(
    ("values", "stage", "words"),
    [
        ({"password": "wrong-password"}, "connect", "The broker refused access: not authorized."),
        ({"use_tls": True}, "tls", "This port does not speak TLS."),
        ({"port": "tls"}, "connect", "The broker speaks TLS on this port and we spoke in plain."),
        (
            {"port": "tls", "use_tls": True},
            "tls",
            "The broker's certificate is not signed by a CA that we trust",
        ),
    ],
)
def test_a_real_broker_says_what_is_wrong(
    real: Mosquitto, tools: ProbeTools, values: dict[str, Any], stage: str, words: str
) -> None:
    port = real.tls_port if values.pop("port", "") else real.port
    given = {"username": "plant", "password": USERS["plant"], **values}
    site = connected_site(broker_host=real.host, broker_port=port, **given)
    results = explained(site, tools)
    assert results[stage].verdict is Verdict.FAILED
    assert results[stage].summary.startswith(words)


def test_tls_shows_the_certificate_and_what_the_system_trusts(
    real: Mosquitto, tools: ProbeTools
) -> None:
    site = connected_site(
        broker_host=real.host,
        broker_port=real.tls_port,
        username="plant",
        password=USERS["plant"],
        use_tls=True,
        tls_ca_certificate=real.ca_pem,
    )
    found = explained(site, tools)["tls"]
    assert found.verdict is Verdict.OK
    text = " ".join(found.evidence)
    assert "TLSv1.3" in text
    assert "issued by CN=Test CA" in text
    assert "the CAs of this system do not trust it" in text


def test_the_command_prints_it(
    real: Mosquitto, tools: ProbeTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "tools_of_installation", lambda: tools)
    site = connected_site(
        broker_host=real.host, broker_port=real.port, username="plant", password="wrong-password"
    )
    out = io.StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("explain", site.name, stdout=out)
    assert end.value.code == 1
    assert "NO  connect" in out.getvalue()
    assert "What to do: Check user name, password and client id." in out.getvalue()
    assert "wrong-password" not in json.dumps(out.getvalue())
    with pytest.raises(CommandError, match="There is no site"):
        call_command("explain", "Nowhere")
    MqttConnection.objects.all().delete()
    with pytest.raises(CommandError, match="has no connection"):
        call_command("explain", str(site.pk))
