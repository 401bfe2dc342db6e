from collections.abc import Callable, Iterator

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection as database
from pytest_django.fixtures import Settings

from mqtt_app.models import MqttConnection, fields
from tests.integration.api.client import connected_site

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture
def keys(settings: Settings) -> Iterator[Callable[..., None]]:
    def use(*names: str) -> None:
        settings.FIELD_ENCRYPTION_KEYS = list(names)
        fields._cipher.cache_clear()

    yield use
    fields._cipher.cache_clear()


@pytest.mark.django_db
def test_after_a_rotation_the_old_key_is_no_longer_needed(
    keys: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    keys(OLD)
    connection = connected_site(password="s3cret").connection
    version = MqttConnection.objects.get().config_version
    keys(NEW, OLD)
    call_command("rotate_keys")
    keys(NEW)
    connection = MqttConnection.objects.get()
    assert (connection.password, connection.config_version) == ("s3cret", version)
    assert "1 connections" in capsys.readouterr().out


@pytest.mark.django_db
def test_a_lost_key_is_one_clear_sentence(keys: Callable[..., None]) -> None:
    keys(OLD)
    connected_site(password="s3cret")
    keys(NEW)
    with pytest.raises(CommandError, match="password: no key"):
        call_command("rotate_keys")


@pytest.mark.django_db
def test_what_is_stored_is_not_what_was_given(keys: Callable[..., None]) -> None:
    keys(OLD)
    connected_site(password="s3cret")
    with database.cursor() as cursor:
        cursor.execute("SELECT password FROM mqtt_mqttconnection")
        assert "s3cret" not in cursor.fetchone()[0]
