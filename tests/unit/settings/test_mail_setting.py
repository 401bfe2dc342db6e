"""EMAIL_URL, read so that a bad value is one clear sentence at the start."""

from typing import Any

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from project.settings import checked


def mail(**variables: str) -> dict[str, Any]:
    env = environ.Env()
    env.ENVIRON = variables
    return checked.mail(env, "EMAIL_URL", "DEFAULT_FROM_EMAIL")


def test_without_it_there_is_no_mail() -> None:
    assert mail() == {}


def test_a_server_with_starttls() -> None:
    found = mail(
        EMAIL_URL="smtp+tls://user%40x:p%2Fw@mail.example:587",
        DEFAULT_FROM_EMAIL="sitewire@example.org",
    )
    expected = {
        "EMAIL_HOST": "mail.example",
        "EMAIL_PORT": 587,
        "EMAIL_HOST_USER": "user@x",
        "EMAIL_USE_TLS": True,
    }
    assert expected.items() <= found.items()
    assert (found["EMAIL_HOST_PASSWORD"], found["DEFAULT_FROM_EMAIL"]) == (
        "p/w",
        "sitewire@example.org",
    )


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://h:x",
        "smtp://h:0",
        "consolemail://",
    ],
)
def test_a_bad_address_names_the_variable_and_the_form(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"EMAIL_URL must look like smtp\+tls://"):
        mail(EMAIL_URL=url, DEFAULT_FROM_EMAIL="a@b")


@pytest.mark.parametrize("sender", ["", "sitewire"])
def test_a_sender_is_needed(sender: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DEFAULT_FROM_EMAIL"):
        mail(EMAIL_URL="smtp://mail.example", DEFAULT_FROM_EMAIL=sender)
