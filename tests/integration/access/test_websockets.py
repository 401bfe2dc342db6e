"""What each caller hears of a WebSocket, and when an open one ends."""

import json
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.utils import timezone

from mqtt_app.domain.access import Role
from mqtt_app.live import consumers
from mqtt_app.live.routing import websocket
from mqtt_app.models import ApiToken
from tests.integration.access import routes, table
from tests.integration.access.rules import CALLERS
from tests.integration.access.world import World, build, site_with_everything, token, user
from tests.integration.live.communicator import WebsocketCommunicator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


def headers_of(caller: str, world: World) -> list[tuple[bytes, bytes]]:
    sent = world.client(caller).defaults
    named = {b"authorization": sent.get("HTTP_AUTHORIZATION"), b"cookie": sent.get("HTTP_COOKIE")}
    return [(name, value.encode()) for name, value in named.items() if value]


async def first_answer(path: str, headers: list[tuple[bytes, bytes]]) -> Any:
    """The sites of the snapshot, or the code that the socket is closed with."""
    communicator = WebsocketCommunicator(websocket, path, headers=headers)
    is_open, code = await communicator.connect()
    if not is_open:
        await communicator.wait(5)
        return code
    first = await communicator.receive_output(5)
    await communicator.disconnect()
    if first["type"] == "websocket.close":
        return first["code"]
    return {row["site_id"] for row in json.loads(first["text"])["connections"]}


@pytest.mark.parametrize("route", routes.websockets())
async def test_a_websocket_tells_each_caller_only_of_what_they_may_see(route: str) -> None:
    world = await sync_to_async(build)()
    names = {world.here.pk: "here", world.elsewhere.pk: "elsewhere"}
    heard = {}
    for caller in CALLERS:
        answer = await first_answer(f"/{route}", await sync_to_async(headers_of)(caller, world))
        heard[caller] = {names[site] for site in answer} if isinstance(answer, set) else answer
    await sync_to_async(connections.close_all)()
    assert heard == table.WEBSOCKETS[route]


async def test_a_token_that_expires_closes_its_open_socket_at_that_moment() -> None:
    """Long before the next regular look at the database."""
    site = await sync_to_async(site_with_everything)("Oslo")
    member = await sync_to_async(user)("member", site, Role.VIEWER)
    text = await sync_to_async(token)(member)
    await ApiToken.objects.aupdate(expiry=timezone.now() + timedelta(seconds=1))
    headers = [(b"authorization", f"Token {text}".encode())]
    communicator = WebsocketCommunicator(websocket, "/ws/mqtt/status/", headers=headers)
    await communicator.connect()
    assert (await communicator.receive_json_from(5))["type"] == "snapshot"
    ended = await communicator.receive_output(5)
    await communicator.disconnect()
    await sync_to_async(connections.close_all)()
    assert (ended["type"], ended["code"]) == ("websocket.close", consumers.UNAUTHENTICATED)
