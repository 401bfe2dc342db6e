"""sites/{id}/connection/."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database
from time_machine import TimeMachineFixture

from mqtt_app.models import MqttConnection, Site
from tests.brokers import CertificateAuthority
from tests.integration.api.client import Caller

SECRET = " s3cret with spaces "


@pytest.fixture
def bare(db: None) -> Site:
    return Site.objects.create(name="Bare")


def stored(site: Site) -> MqttConnection:
    return MqttConnection.objects.get(site=site)


def test_put_makes_a_connection_and_later_changes_it(root: Caller, bare: Site) -> None:
    path = f"sites/{bare.pk}/connection/"
    first = root.call(
        "PUT", path, {"broker_host": "a.example", "broker_port": 8883, "use_tls": True}
    )
    second = root.call("PUT", path, {"broker_host": "b.example"})
    assert (first.status_code, second.status_code) == (201, 200)
    assert (stored(bare).broker_host, stored(bare).broker_port) == ("b.example", 8883)
    assert stored(bare).is_active is False


def test_a_site_without_connection_says_so(root: Caller, bare: Site) -> None:
    for method in ("GET", "PATCH"):
        answer = root.call(method, f"sites/{bare.pk}/connection/", {})
        assert answer.status_code == 404
        assert "has no connection" in answer.json()["detail"]


def test_secrets_are_stored_exactly_and_shown_nowhere(root: Caller, site: Site) -> None:
    path = f"sites/{site.pk}/connection/"
    answer = root.call("PATCH", path, {"password": SECRET})
    assert answer.json()["has_password"] is True
    assert stored(site).password == SECRET
    others = (path, f"sites/{site.pk}/status/", f"connection-logs/?site={site.pk}")
    everything = answer.content + b"".join(root.call("GET", other).content for other in others)
    assert b"s3cret" not in everything
    assert {"password", "tls_client_key"}.isdisjoint(root.get(path))


def test_a_change_without_the_password_keeps_it_and_an_empty_one_removes_it(
    root: Caller, site: Site
) -> None:
    path = f"sites/{site.pk}/connection/"
    root.call("PATCH", path, {"password": SECRET})
    root.call("PATCH", path, {"broker_port": 1884})
    root.call("PUT", path, {"broker_host": "c.example"})
    assert stored(site).password == SECRET
    assert root.call("PATCH", path, {"password": ""}).json()["has_password"] is False
    assert stored(site).password == ""


def test_what_the_broker_queues_is_shown_and_makes_no_link_anew(root: Caller, site: Site) -> None:
    before = stored(site).config_version
    assert (
        root.call(
            "PATCH", f"sites/{site.pk}/connection/", {"broker_queue_limit": 1_000}
        ).status_code
        == 200
    )
    assert stored(site).config_version == before
    queue = root.call("GET", f"sites/{site.pk}/status/").json()["flow"]["broker_queue"]
    assert (queue["limit"], queue["lasts"]) == (1_000, None)
    assert "1,000 messages" in queue["evidence"]
    assert (
        root.call("PATCH", f"sites/{site.pk}/connection/", {"broker_queue_limit": 0}).status_code
        == 400
    )


def test_when_to_acknowledge_is_chosen_and_what_that_can_lose_is_said(
    root: Caller, site: Site
) -> None:
    path = f"sites/{site.pk}/connection/"
    assert root.call("GET", path).json()["ack_mode"] == "stored"

    def said() -> dict[str, str]:
        found: dict[str, str] = root.get(f"sites/{site.pk}/status/")["flow"]["acknowledged"]
        return found

    assert said() == {
        "mode": "stored",
        "can_lose": "Loses nothing: what is not committed stays with the broker.",
    }
    before = stored(site).config_version
    assert root.call("PATCH", path, {"ack_mode": "received"}).status_code == 200
    assert stored(site).config_version == before + 1
    assert said()["mode"] == "received"
    assert "killed" in said()["can_lose"]
    refused = root.call("PATCH", path, {"ack_mode": "never"})
    assert refused.status_code == 400
    assert "ack_mode" in refused.content.decode()


@pytest.mark.parametrize(
    "change",
    [
        {"broker_host": "other.example"},
        {"broker_port": 2883},
        {"username": "u"},
        {"password": "p"},
        {"use_tls": True},
        {"tls_verify": False},
        {"protocol_version": "3.1.1"},
        {"client_id": "me"},
        {"keepalive": 30},
    ],
)
def test_what_the_link_must_notice_raises_the_config_version_once(
    change: dict[str, Any], root: Caller, site: Site
) -> None:
    path = f"sites/{site.pk}/connection/"
    before = stored(site).config_version
    root.call("PATCH", path, change)
    root.call("PATCH", path, change)
    assert stored(site).config_version == before + 1


@pytest.mark.parametrize(
    ("change", "expected"), [({"broker_port": 1884}, ""), ({"keepalive": 30}, "3.1.1")]
)
def test_another_broker_is_asked_anew_which_mqtt_it_speaks(
    change: dict[str, int], expected: str, root: Caller, site: Site
) -> None:
    MqttConnection.objects.filter(site=site).update(negotiated_version="3.1.1")
    root.call("PATCH", f"sites/{site.pk}/connection/", change)
    assert stored(site).negotiated_version == expected


def test_renaming_the_site_does_not_disturb_its_link(root: Caller, site: Site) -> None:
    before = stored(site).config_version
    assert root.call("PATCH", f"sites/{site.pk}/", {"name": "Other"}).status_code == 200
    assert stored(site).config_version == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("broker_host", "a..b"),
        ("broker_host", "mqtt://x"),
        ("broker_host", "host name"),
        ("broker_host", ""),
        ("broker_host", None),
        ("broker_host", ["x"]),
        ("broker_host", "x" * 300),
        ("broker_host", "a\u0000b"),
        ("broker_port", 0),
        ("broker_port", 70000),
        ("broker_port", -1),
        ("broker_port", "x"),
        ("broker_port", None),
        ("broker_port", 10**40),
        ("broker_port", True),
        ("keepalive", 0),
        ("keepalive", 10**9),
        ("password", "a\u0000"),
        ("username", {"a": 1}),
        ("protocol_version", "4"),
        ("use_tls", "perhaps"),
        ("client_id", "x" * 500),
        ("tls_ca_certificate", "garbage"),
        ("tls_client_certificate", "garbage"),
        ("tls_client_key", "garbage"),
    ],
)
def test_a_bad_value_is_400_under_its_field_and_changes_nothing(
    field: str, value: object, root: Caller, site: Site
) -> None:
    before = MqttConnection.objects.filter(site=site).values().get()
    answer = root.call(
        "PATCH", f"sites/{site.pk}/connection/", {"username": "new"} | {field: value}
    )
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert MqttConnection.objects.filter(site=site).values().get() == before


def test_a_host_with_a_scheme_gets_a_hint(root: Caller, site: Site) -> None:
    answer = root.call("PATCH", f"sites/{site.pk}/connection/", {"broker_host": "mqtt://x"})
    assert "scheme" in answer.json()["broker_host"][0]


def test_the_wish_is_not_changed_here_and_the_answer_says_where(root: Caller, site: Site) -> None:
    answer = root.call("PATCH", f"sites/{site.pk}/connection/", {"is_active": True})
    assert answer.status_code == 400
    assert "start/" in answer.json()["is_active"][0]


def test_what_was_read_can_be_written_back(root: Caller, site: Site) -> None:
    path = f"sites/{site.pk}/connection/"
    assert root.call("PUT", path, root.get(path)).status_code == 200


def test_a_client_certificate_and_its_key_are_taken_together(
    root: Caller, site: Site, authority: CertificateAuthority
) -> None:
    path = f"sites/{site.pk}/connection/"
    certificate, key = authority.client("plant")
    pair = {"tls_client_certificate": certificate, "tls_client_key": key}
    assert root.call("PATCH", path, {"tls_client_certificate": certificate}).json().keys() == {
        "tls_client_key"
    }
    assert root.call("PATCH", path, pair).json()["has_tls_client_key"] is True
    assert key[40:80] not in root.call("GET", path).content.decode()


def test_a_key_of_another_certificate_is_refused(
    root: Caller, site: Site, authority: CertificateAuthority
) -> None:
    certificate, _ = authority.client("plant")
    _, other = authority.client("other")
    pair = {"tls_client_certificate": certificate, "tls_client_key": other}
    answer = root.call("PATCH", f"sites/{site.pk}/connection/", pair)
    assert answer.status_code == 400
    assert "does not belong" in answer.json()["tls_client_key"][0]


def test_a_password_that_no_key_opens_any_more_stops_nothing_and_can_be_given_anew(
    root: Caller, site: Site
) -> None:
    MqttConnection.objects.filter(site=site).update(is_active=True)
    with database.cursor() as cursor:
        cursor.execute("UPDATE mqtt_mqttconnection SET password = 'written under a lost key'")
    path = f"sites/{site.pk}/connection/"
    assert root.get(path)["has_password"] is True
    assert root.call("POST", f"sites/{site.pk}/stop/").status_code == 202
    assert root.call("PATCH", path, {"broker_port": 1884}).status_code == 200
    assert root.call("PATCH", path, {"password": "new"}).status_code == 200
    assert stored(site).password == "new"


def test_a_pasted_certificate_is_stored_as_it_was_issued(
    root: Caller, site: Site, tmp_path: Path
) -> None:
    certificate, key = CertificateAuthority(tmp_path).client()
    pasted = {
        "tls_client_certificate": "Bag Attributes\\n" + certificate.replace("\n", "\\n"),
        "tls_client_key": key.replace("\n", " "),
    }
    assert root.call("PATCH", f"sites/{site.pk}/connection/", pasted).status_code == 200
    assert stored(site).tls_client_certificate == certificate
    assert stored(site).tls_client_key == key
    shown = root.get(f"sites/{site.pk}/connection/")
    assert shown["ca_certificates"] == []
    facts = shown["client_certificates"][0]
    assert (facts["subject"], facts["issuer"]) == ("CN=site", "CN=Test CA")
    assert facts["names"] == ["localhost", "127.0.0.1"]
    assert len(facts["fingerprint"]) == 64


def test_an_expired_certificate_is_refused_when_entered_and_stays_where_it_is(
    root: Caller, site: Site, tmp_path: Path, time_machine: TimeMachineFixture
) -> None:
    path = f"sites/{site.pk}/connection/"
    ca = CertificateAuthority(tmp_path).pem
    assert root.call("PATCH", path, {"tls_ca_certificate": ca}).status_code == 200
    time_machine.move_to(datetime.now(UTC) + timedelta(days=31))
    refused = root.call("PATCH", path, {"tls_ca_certificate": ca})
    assert refused.status_code == 400
    assert "expired on" in refused.json()["tls_ca_certificate"][0]
    assert root.call("PATCH", path, {"keepalive": 30}).status_code == 200
