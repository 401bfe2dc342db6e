"""An open WebSocket ends with the account, the session or the token that opened it."""

from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from mqtt_app.live import consumers
from mqtt_app.models import ApiToken
from mqtt_app.services.accounts import passwords, sessions
from tests.integration.live.test_status_socket import authorization, closed_with, make_user, socket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


def deactivate(user: User) -> None:
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)


def expire(user: User) -> None:
    ApiToken.objects.filter(user=user).update(expiry=timezone.now())


def change_password(user: User) -> None:
    passwords.change(user, "another-long-secret")


def end_sessions(user: User) -> None:
    sessions.end(user)


async def test_the_default_is_within_twenty_seconds() -> None:
    assert consumers.RECHECK <= 20


@pytest.mark.parametrize("ends", [deactivate, expire, change_password])
async def test_one_that_a_token_opened(
    ends: Callable[[User], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "RECHECK", 0.3)
    user, token = await sync_to_async(make_user)("root", is_superuser=True)
    async with socket(authorization(token)) as browser:
        await browser.receive_json_from(5)
        await sync_to_async(ends)(user)
        assert await closed_with(browser) == consumers.UNAUTHENTICATED


@pytest.mark.parametrize("ends", [deactivate, change_password, end_sessions])
async def test_one_that_a_session_opened(
    ends: Callable[[User], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "RECHECK", 0.3)
    user, _ = await sync_to_async(make_user)("root", is_superuser=True)
    client = Client()
    await sync_to_async(client.force_login)(user)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    async with socket([(b"cookie", cookie.encode())]) as browser:
        await browser.receive_json_from(5)
        await sync_to_async(ends)(user)
        assert await closed_with(browser) == consumers.UNAUTHENTICATED
