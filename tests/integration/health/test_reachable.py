"""Health checks come from inside, without TLS and under any name; everything else must not."""

import pytest
from django.test import Client
from pytest_django.fixtures import Settings


@pytest.fixture
def production(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
    settings.ALLOWED_HOSTS = [".sitewire.test"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "host", ["web:8000", "10.1.2.3", "[::1]:8000", "kube-probe", "_", "a b", ""]
)
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_health_path_answers_whatever_host_it_is_asked_by(
    production: None, path: str, host: str
) -> None:
    assert Client().get(path, headers={"host": host}).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/livez/", "/livezz", "//livez", "/metrics", "/login/", "/admin/livez"]
)
def test_no_other_path_does(production: None, path: str) -> None:
    assert Client().get(path, headers={"host": "web:8000"}).status_code == 400
    assert Client().get(path, headers={"host": "a.sitewire.test"}).status_code == 301
