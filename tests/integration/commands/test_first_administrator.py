"""The first log-in of a new installation, and that no later deploy opens a second door."""

from collections.abc import Callable

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from mqtt_app.models import AuditEntry
from tests.narrowing import present

PASSWORD = "kq7Zb0vWm2-Xc9sR"


@pytest.fixture
def deploy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    def run(username: str | None = "admin", password: str | None = PASSWORD) -> str:
        for name, value in (("ADMIN_USERNAME", username), ("ADMIN_PASSWORD", password)):
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        call_command("first_administrator")
        return capsys.readouterr().out

    return run


@pytest.mark.django_db
def test_the_first_deploy_makes_an_administrator_who_can_log_in(deploy: Callable[..., str]) -> None:
    assert "can log in" in deploy()
    user = authenticate(username="admin", password=PASSWORD)
    assert present(user).is_superuser
    assert present(user).is_staff
    entries = AuditEntry.objects.values_list("action", "object_label", "source")
    assert list(entries) == [("created", "admin", "command")]


@pytest.mark.django_db
def test_a_changed_password_is_never_set_back(deploy: Callable[..., str]) -> None:
    deploy()
    user = User.objects.get()
    user.set_password("another one 42")
    user.save()
    assert "nothing was changed" in deploy()
    assert authenticate(username="admin", password=PASSWORD) is None


@pytest.mark.django_db
def test_an_administrator_whom_another_removed_does_not_come_back(
    deploy: Callable[..., str],
) -> None:
    deploy()
    User.objects.create_superuser("root2")
    User.objects.filter(username="admin").delete()
    deploy()
    assert list(User.objects.values_list("username", flat=True)) == ["root2"]


@pytest.mark.django_db
def test_a_member_of_that_name_is_not_made_an_administrator(deploy: Callable[..., str]) -> None:
    User.objects.create_user("admin", password="theirs 42 long")
    assert "another user" in deploy()
    user = User.objects.get()
    assert not user.is_superuser
    assert user.check_password("theirs 42 long")


@pytest.mark.django_db
@pytest.mark.parametrize("password", [None, "", "admin", "password123", "1234567890", "short"])
def test_a_password_that_can_be_guessed_makes_nobody(
    deploy: Callable[..., str], password: str | None
) -> None:
    with pytest.raises(CommandError, match="ADMIN_PASSWORD"):
        deploy(password=password)
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("username", ["two words", "x" * 151, "a\nb"])
def test_a_name_that_cannot_be_one_is_one_sentence(
    deploy: Callable[..., str], username: str
) -> None:
    with pytest.raises(CommandError, match="ADMIN_USERNAME"):
        deploy(username=username)


@pytest.mark.django_db
def test_a_deployed_installation_needs_neither_any_more(deploy: Callable[..., str]) -> None:
    deploy()
    assert "nothing was changed" in deploy(username=None, password=None)
