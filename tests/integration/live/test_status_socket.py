"""The WebSocket through the real channel layer and database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from pytest_django.fixtures import Settings

from mqtt_app.live import consumers
from mqtt_app.live.access import SameHostOnly
from mqtt_app.live.routing import NO_SUCH_ADDRESS, websocket
from mqtt_app.models import ApiToken, Membership, MqttConnection, Site
from mqtt_app.services import sites
from tests.integration.live.communicator import WebsocketCommunicator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


def make_site(name: str, **values: Any) -> Site:
    site = Site.objects.create(name=name)
    MqttConnection.objects.create(site=site, broker_host="broker.example", **values)
    return site


def make_user(name: str, **values: Any) -> tuple[User, str]:
    user = get_user_model().objects.create_user(name, password="a-password", **values)
    return user, ApiToken.objects.create(user)[1]


def authorization(token: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", f"Token {token}".encode())]


@asynccontextmanager
async def socket(
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> AsyncIterator[WebsocketCommunicator]:
    communicator = WebsocketCommunicator(websocket, "/ws/mqtt/status/", headers=list(headers))
    connected, _ = await communicator.connect()
    assert connected
    try:
        yield communicator
    finally:
        await communicator.disconnect()
        await sync_to_async(connections.close_all)()


def connection_event(site_id: int, status: str = "connected") -> dict[str, Any]:
    return {
        "type": "connection",
        "site_id": site_id,
        "status": status,
        "is_active": True,
        "error_message": "",
        "at": "t",
    }


async def publish(event: dict[str, Any]) -> None:
    await get_channel_layer().group_send("live", {"type": "live.events", "events": [event]})


async def closed_with(communicator: WebsocketCommunicator) -> int:
    return int((await communicator.receive_output(5))["code"])


async def test_without_credentials_it_closes_with_4401_and_tells_nothing() -> None:
    async with socket() as browser:
        assert await closed_with(browser) == consumers.UNAUTHENTICATED


async def test_a_wrong_token_is_closed_with_4401() -> None:
    async with socket(authorization("0" * 64)) as browser:
        assert await closed_with(browser) == consumers.UNAUTHENTICATED


async def test_a_token_opens_it_and_the_first_message_is_a_snapshot() -> None:
    site = await sync_to_async(make_site)(
        "Oslo", is_active=True, status="error", error_message="refused"
    )
    _, token = await sync_to_async(make_user)("root", is_superuser=True)
    async with socket(authorization(token)) as browser:
        first = await browser.receive_json_from(5)
    assert first["type"] == "snapshot"
    row = first["connections"][0]
    assert row.pop("at")
    assert row == {
        "site_id": site.pk,
        "status": "error",
        "is_active": True,
        "error_message": "refused",
    }


async def test_a_session_cookie_opens_it() -> None:
    user, _ = await sync_to_async(make_user)("root", is_superuser=True)
    client = Client()
    await sync_to_async(client.force_login)(user)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    async with socket([(b"cookie", cookie.encode())]) as browser:
        assert (await browser.receive_json_from(5))["type"] == "snapshot"


async def test_a_change_arrives_as_one_message() -> None:
    site = await sync_to_async(make_site)("Oslo")
    _, token = await sync_to_async(make_user)("root", is_superuser=True)
    async with socket(authorization(token)) as browser:
        await browser.receive_json_from(5)
        await publish(connection_event(site.pk))
        assert await browser.receive_json_from(5) == connection_event(site.pk)
        assert await browser.receive_nothing(0.2)


async def test_an_operation_that_begins_is_told_at_once() -> None:
    site = await sync_to_async(make_site)("Oslo")
    user, token = await sync_to_async(make_user)("root", is_superuser=True)
    connection = await MqttConnection.objects.select_related("site").aget(site=site)
    async with socket(authorization(token)) as browser:
        await browser.receive_json_from(5)
        await sync_to_async(sites.start)(connection, user)
        told = [await browser.receive_json_from(5) for _ in range(2)]
    (operation,) = [event for event in told if event["type"] == "operation"]
    assert (operation["kind"], operation["state"]) == ("start", "pending")
    assert operation["site_id"] == site.pk


async def test_a_member_hears_of_no_foreign_site() -> None:
    mine, foreign = (
        await sync_to_async(make_site)("Mine"),
        await sync_to_async(make_site)("Foreign"),
    )
    user, token = await sync_to_async(make_user)("member")
    await Membership.objects.acreate(site=mine, user=user)
    async with socket(authorization(token)) as browser:
        first = await browser.receive_json_from(5)
        await publish(connection_event(foreign.pk))
        await publish(connection_event(mine.pk))
        second = await browser.receive_json_from(5)
    assert [row["site_id"] for row in first["connections"]] == [mine.pk]
    assert second["site_id"] == mine.pk


async def test_a_new_membership_brings_a_new_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "RECHECK", 0.3)
    site = await sync_to_async(make_site)("Oslo")
    user, token = await sync_to_async(make_user)("member")
    async with socket(authorization(token)) as browser:
        assert (await browser.receive_json_from(5))["connections"] == []
        await Membership.objects.acreate(site=site, user=user)
        assert (await browser.receive_json_from(5))["connections"][0]["site_id"] == site.pk


async def test_a_change_whose_event_got_lost_is_told_at_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumers, "RECHECK", 0.3)
    site = await sync_to_async(make_site)("Oslo")
    _, token = await sync_to_async(make_user)("root", is_superuser=True)
    async with socket(authorization(token)) as browser:
        await browser.receive_json_from(5)
        await MqttConnection.objects.filter(site=site).aupdate(status="connected")
        told = await browser.receive_json_from(5)
    assert (told["type"], told["status"]) == ("connection", "connected")


async def test_a_revoked_token_closes_an_open_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "RECHECK", 0.3)
    _, token = await sync_to_async(make_user)("root", is_superuser=True)
    async with socket(authorization(token)) as browser:
        await browser.receive_json_from(5)
        await ApiToken.objects.all().adelete()
        assert await closed_with(browser) == consumers.UNAUTHENTICATED


async def test_a_page_that_asks_hears_that_we_are_there() -> None:
    _, token = await sync_to_async(make_user)("root", is_superuser=True)
    async with socket(authorization(token)) as browser:
        await browser.receive_json_from(5)
        await browser.send_to(text_data="ping")
        assert await browser.receive_json_from(5) == {"type": "pong"}


@pytest.mark.parametrize(
    ("origin", "passes", "proxy"),
    [
        (None, True, None),
        (b"http://localhost:8000", True, None),
        (b"http://LOCALHOST:8000", True, None),
        (b"https://localhost:8000", False, None),
        (b"http://localhost:8001", False, None),
        (b"http://localhost", False, None),
        (b"http://127.0.0.1:8000", False, None),
        (b"https://evil.example", False, None),
        (b"http://localhost:8000.evil.example", False, None),
        (b"null", False, None),
        (b"", False, None),
        (b"http://[", False, None),
        (b"http://localhost:port", False, None),
        (b"https://localhost:8000", True, b"https"),
        (b"http://localhost:8000", False, b"https"),
    ],
)
async def test_pages_of_other_origins_are_refused_and_programs_without_one_are_not(
    origin: bytes | None, passes: bool, proxy: bytes | None, settings: Settings
) -> None:
    """`proxy`: what a proxy that ends TLS says of the scheme."""
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    headers = [(b"host", b"localhost:8000")]
    headers += [(b"origin", origin)] if origin is not None else []
    headers += [(b"x-forwarded-proto", proxy)] if proxy is not None else []

    async def inside(
        scope: object,
        receive: Callable[[], Awaitable[object]],
        send: Callable[[dict[str, str]], Awaitable[None]],
    ) -> None:
        await receive()
        await send({"type": "websocket.accept"})

    communicator = WebsocketCommunicator(SameHostOnly(inside), "/", headers=headers)
    connected, _ = await asyncio.wait_for(communicator.connect(), 5)
    assert connected is passes


@pytest.mark.parametrize("path", ["/ws/", "/ws/mqtt/status", "/", "/ws/mqtt/status/1/"])
async def test_an_unknown_address_is_closed_at_the_handshake_without_a_line_in_the_log(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    communicator = WebsocketCommunicator(websocket, path)
    connected, code = await communicator.connect()
    assert (connected, code) == (False, NO_SUCH_ADDRESS)
    await communicator.wait(5)
    assert caplog.records == []


async def test_an_unknown_address_is_404_where_the_server_can_say_so() -> None:
    communicator = WebsocketCommunicator(websocket, "/ws/nothing/")
    communicator.scope["extensions"] = {"websocket.http.response": {}}
    await communicator.send_input({"type": "websocket.connect"})
    start, body = await communicator.receive_output(5), await communicator.receive_output(5)
    assert start["status"] == 404
    assert b"/ws/mqtt/status/" in body["body"]
