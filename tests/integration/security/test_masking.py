"""What others say may hold a secret of ours: it is masked before anybody reads it."""

from typing import cast

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from mqtt_app.domain.link.connection_config import LinkStatus
from mqtt_app.domain.link.failures import LinkFailure
from mqtt_app.domain.link.state import Link
from mqtt_app.domain.link.trouble.memory import LinkMemory
from mqtt_app.domain.masking import MASK, masked
from mqtt_app.masking import masked as masked_here
from mqtt_app.models import Site
from mqtt_app.mqtt.connection_log_writer import ConnectionLogWriter
from mqtt_app.mqtt.link.reporter import LinkKnowledge, LinkReporter
from mqtt_app.mqtt.status_writer import StatusWriter
from mqtt_app.services.ownership import config_of
from project.settings import checked
from tests.narrowing import present


def test_what_a_broker_repeats_of_our_password_is_masked_in_status_and_log(
    secrets: dict[str, str], site: Site
) -> None:
    class Recorder:
        def __init__(self) -> None:
            self.texts: list[str] = []

        def report_status(self, _config: object, status: LinkStatus) -> None:
            self.texts.append(status.error_message)

        def write(
            self, _config: object, _level: str, message: str, _attempt: object = None
        ) -> None:
            self.texts.append(message)

    recorder = Recorder()
    config = present(config_of(site.connection.pk, site.connection.generation))
    link = Link(failure=LinkFailure("broker", f"Bad login u/{config.password}"))
    knowledge = LinkKnowledge(None, LinkMemory())
    reporter = LinkReporter(
        cast("StatusWriter", recorder), cast("ConnectionLogWriter", recorder), lambda: knowledge
    )
    reporter.failed(config, link)
    reporter.lost(config, link)
    assert recorder.texts == [
        f"Bad login u/{MASK}",
        f"Bad login u/{MASK}",
        f"Bad login u/{MASK}",
        f"Disconnected: Bad login u/{MASK}",
    ]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("cannot reach redis://:hunter22@cache:6379/0", "hunter22"),
        ("postgresql://app:p%40ss@db/x refused", "p%40ss"),
        ("key: -----BEGIN PRIVATE KEY-----\nMIIEv\n-----END PRIVATE KEY-----", "MIIEv"),
        ("cut: -----BEGIN RSA PRIVATE KEY-----\\nMIIEv", "MIIEv"),
        ("row (1, gAAAAABmZ2ZzZ2ZzZ2ZzZ2ZzZ2ZzZ2ZzZ2ZzZ2ZzZ2ZzZ2Zz==, t)", "Z2ZzZ2ZzZ2Zz"),
        ("row (pbkdf2_sha256$1000$salt$hash=, t)", "salt$hash"),
        ("Authorization: Token 0123456789abcdef0123456789", "0123456789abcdef"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, secret: str) -> None:
    assert secret not in masked(text)
    assert MASK in masked(text)


@pytest.mark.parametrize(
    "text", ["token expired", "http://host:1883/a@b", "mqtt://host", "a Basic rule", ""]
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert masked(text) == text


def test_a_very_short_password_does_not_blot_out_every_sentence() -> None:
    assert masked("The broker is on", ["on", "e"]) == "The broker is on"


def test_the_installations_own_passwords_are_masked_wherever_they_are(
    secrets: dict[str, str],
) -> None:
    for name in ("secret key", "field key", "database password", "Redis password"):
        assert secrets[name] not in masked_here(f"told: {secrets[name]}, {secrets[name]}")


def test_a_url_that_cannot_be_read_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (
        "postgres://app:canary/word@db:5432/x",
        "postgres://app:canary@db:canary/x",
        "canary://x",
    ):
        monkeypatch.setenv("DATABASE_URL", value)
        with pytest.raises(ImproperlyConfigured) as caught:
            checked.database(environ.Env(), "DATABASE_URL")
        assert "canary" not in str(caught.value)
        monkeypatch.setenv("REDIS_URL", value)
        with pytest.raises(ImproperlyConfigured) as caught:
            checked.redis_url(environ.Env(), "REDIS_URL")
        assert "canary" not in str(caught.value)
