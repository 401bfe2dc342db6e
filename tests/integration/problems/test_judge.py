"""Links that are down and certificates that end are problems while it lasts."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from django.utils import timezone

from mqtt_app.models import MqttConnection, Problem, Site
from mqtt_app.services.problems import decisions, judge
from tests.brokers import CertificateAuthority

pytestmark = pytest.mark.django_db
NOW = timezone.now()
MINUTE = timedelta(minutes=1)


def down(name: str, error: str = "no answer", error_class: str = "network") -> MqttConnection:
    site = Site.objects.create(name=name)
    return MqttConnection.objects.create(
        site=site,
        broker_host="broker.example",
        is_active=True,
        status="disconnected",
        error_class=error_class,
        error_message=error,
        status_since=NOW - MINUTE,
    )


def states() -> dict[str, str]:
    return dict(Problem.objects.values_list("site__name", "state"))


def test_a_link_that_is_down_is_a_problem_until_it_is_up() -> None:
    link = down("Lab")
    judge.judge_links(NOW)
    problem = Problem.objects.get()
    assert (problem.kind, problem.title, problem.detail) == (
        "link",
        "no answer",
        "broker.example:1883",
    )
    judge.judge_links(NOW + MINUTE)
    assert Problem.objects.get().count == 1
    MqttConnection.objects.update(status="connected", error_class="", error_message="")
    judge.judge_links(NOW + 2 * MINUTE)
    assert states() == {"Lab": "resolved"}
    MqttConnection.objects.filter(pk=link.pk).update(
        status="disconnected", error_class="network", error_message="no answer"
    )
    judge.judge_links(NOW + 3 * MINUTE)
    problem.refresh_from_db()
    assert (problem.state, problem.count) == ("open", 2)
    assert problem.reopened_at is not None


def test_a_lasting_one_is_said_again_after_a_while_and_with_other_words_at_once() -> None:
    down("Lab")
    judge.judge_links(NOW)
    judge.judge_links(NOW + judge.SAID_AGAIN)
    assert Problem.objects.get().last_at == NOW + judge.SAID_AGAIN
    MqttConnection.objects.update(error_message="connection refused")
    judge.judge_links(NOW + judge.SAID_AGAIN + MINUTE)
    assert Problem.objects.get().title == "connection refused"


def test_links_that_are_up_unwanted_or_down_for_seconds_are_none() -> None:
    different: dict[str, dict[str, Any]] = {
        "up": {"status": "connected"},
        "off": {"is_active": False},
        "quick": {"status_since": NOW},
        "silent": {"error_class": "", "error_message": ""},
    }
    for name, changes in different.items():
        link = down(name)
        MqttConnection.objects.filter(pk=link.pk).update(**changes)
    closed = down("closed")
    Site.objects.filter(pk=closed.site_id).update(is_active=False)
    judge.judge_links(NOW)
    assert states() == {}


def test_one_broker_that_is_down_is_one_cause_at_all_its_sites() -> None:
    for name in ("A", "B"):
        down(name)
    down("C", "wrong password", "credentials")
    judge.judge_links(NOW)
    assert Problem.objects.count() == 3
    assert Problem.objects.values("fingerprint").distinct().count() == 2


def test_an_ignored_one_stays_ignored_while_the_link_is_down() -> None:
    down("Lab")
    judge.judge_links(NOW)
    decisions.decide(Problem.objects.get(), {"state": "ignored"})
    judge.judge_links(NOW + judge.SAID_AGAIN)
    assert states() == {"Lab": "ignored"}


def test_a_certificate_that_ends_soon_is_told_and_forgotten_with_its_successor(
    authority: CertificateAuthority,
) -> None:
    link = down("Lab")
    MqttConnection.objects.update(tls_ca_certificate=authority.pem)
    ends = x509.load_pem_x509_certificate(authority.pem.encode()).not_valid_after_utc
    judge.judge_certificates(ends - timedelta(days=40))
    assert not Problem.objects.exists()
    judge.judge_certificates(ends - timedelta(days=6))
    problem = Problem.objects.get()
    assert problem.kind == "certificate"
    assert "expires within 7 days" in problem.title
    judge.judge_certificates(ends + timedelta(days=1))
    assert "has expired" in Problem.objects.get().title
    MqttConnection.objects.filter(pk=link.pk).update(tls_ca_certificate="")
    judge.judge_certificates(ends + timedelta(days=1))
    assert states() == {"Lab": "resolved"}


def test_what_was_not_seen_for_long_is_forgotten_and_a_site_keeps_a_bounded_number() -> None:
    site = down("Lab").site
    for age in (1, 29, 31):
        at = NOW - timedelta(days=age)
        Problem.objects.create(
            site=site,
            kind="parsing",
            fingerprint=f"{age:032d}",
            title="x",
            count=1,
            first_at=at,
            last_at=at,
            hours={"5": 1},
        )
    assert judge.forget(NOW, 30) == 1
    assert list(Problem.objects.values_list("hours", flat=True)) == [{}, {}]
