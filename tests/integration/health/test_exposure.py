"""Protection that was given up on purpose is shown: unverified TLS, and addresses that the
allow-list alone permits.
"""

from collections.abc import Iterator

import pytest
from django.test import Client

from mqtt_app.coordination.client import quick_client
from mqtt_app.coordination.leases import Lease, LeaseStore
from mqtt_app.domain.health.findings import Severity
from mqtt_app.domain.health.vitals import Vitals
from mqtt_app.metrics import text
from mqtt_app.models import MqttConnection
from mqtt_app.selectors.health.checkup import exposure
from mqtt_app.selectors.status.system import pulse
from tests.integration.api.client import Caller, connected_site, superuser
from tests.integration.selectors.test_status import owned_site, report

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_redis() -> Iterator[None]:
    quick_client().flushdb()
    yield
    quick_client().flushdb()


def lease(allow_listed: int) -> None:
    held = Lease("mqtt-1", "i", 10, vitals=Vitals(allow_listed=allow_listed))
    assert LeaseStore(quick_client(), 15).acquire(held)


def findings() -> dict[str, tuple[Severity, str]]:
    return {
        finding.check: (finding.severity, finding.finding)
        for finding in exposure(pulse(), database=True)
    }


def test_doctor_names_who_does_not_verify_and_says_what_the_allow_list_permits() -> None:
    connected_site("Plain", tls_verify=False)
    lease(0)
    assert findings()["tls"][0] is Severity.OK
    MqttConnection.objects.update(use_tls=True)
    severity, told = findings()["tls"]
    assert (severity, "1 connections do not verify" in told, "Plain" in told) == (
        Severity.WARNING,
        True,
        True,
    )
    assert "0 links exist by it alone" in findings()["allow-list"][1]
    lease(3)
    assert "127.0.0.0/8" in findings()["allow-list"][1]
    assert "3 links exist by it alone" in findings()["allow-list"][1]


def test_metrics_count_both() -> None:
    connected_site(use_tls=True, tls_verify=False)
    lease(2)
    lines = text().decode().splitlines()
    assert "sitewire_tls_unverified_connections 1.0" in lines
    assert "sitewire_allow_listed_links 2.0" in lines


def test_pages_and_status_show_both() -> None:
    site = owned_site(use_tls=True, tls_verify=False)
    lease(1)
    report(site, opened_by="10.0.0.0/8")
    client = Client()
    client.force_login(superuser())
    for page in ("/", f"/sites/{site.pk}/"):
        shown = client.get(page).content.decode()
        assert "TLS not verified" in shown
        assert "allow-listed" in shown
    link = Caller(superuser("other")).get(f"sites/{site.pk}/status/")["link"]
    assert (link["tls_verified"], link["allowed_by"]) == (False, "10.0.0.0/8")


def test_nothing_is_shown_where_nothing_was_given_up() -> None:
    site = owned_site(use_tls=True)
    lease(0)
    report(site)
    client = Client()
    client.force_login(superuser())
    shown = client.get("/").content.decode()
    assert "TLS not verified" not in shown
    assert "allow-listed" not in shown
