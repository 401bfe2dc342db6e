"""The WebSocket `/ws/mqtt/status/`: first a snapshot, then one JSON message per change."""

import asyncio
import contextlib
import json
import logging
from datetime import UTC, datetime
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError

from mqtt_app.events import GROUP
from mqtt_app.live.audience import View, look
from mqtt_app.live.outbox import BoundedBuffer
from mqtt_app.live.picture import ClientState, snapshot

logger = logging.getLogger(__name__)

UNAUTHENTICATED = (
    4401  # close code; sent after accepting, because a browser sees no code of a refused handshake
)
RECHECK = 20.0  # s; how soon a changed membership, a revoked token or a lost event is noticed


class StatusConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Events go into an outbox at once; one task per socket sends, so a slow browser delays nobody
    but itself.
    """

    outbox: BoundedBuffer
    sender: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await self.accept()
        self.outbox = BoundedBuffer()
        # Subscribed before the snapshot is read: what changes in between is in the outbox.
        await self.channel_layer.group_add(GROUP, self.channel_name)
        self.sender = asyncio.create_task(self._send_all())

    async def disconnect(self, _code: int) -> None:
        await self.channel_layer.group_discard(GROUP, self.channel_name)
        if self.sender is not None:
            self.sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.sender

    async def receive(self, text_data: str | None = None, **_: Any) -> None:
        """A page asks whether we are still there; nothing else is listened to."""
        if text_data == "ping":
            self.outbox.put({"type": "pong"})

    async def live_events(self, message: dict[str, Any]) -> None:
        for event in message["events"]:
            self.outbox.put(event)

    async def _send_all(self) -> None:
        try:
            await self._tell()
        except (OSError, RuntimeError) as error:  # the browser went away in the middle of a message
            logger.debug("A WebSocket ended while sending: %s", error)
        except DatabaseError as error:
            logger.warning("A WebSocket is closed because the database cannot be read: %s", error)
            await self.close(1013)

    async def _tell(self) -> None:
        view = await self._look()
        if view is None:
            return
        picture = await self._show(view)
        due = _next_look(view)
        while True:
            for event in await self.outbox.take(max(due - _clock(), 0.0)):
                await self._pass_on(picture, event)
            if self.outbox.overflowed() or _clock() >= due:
                view = await self._look()
                if view is None:
                    return
                picture, due = await self._correct(picture, view), _next_look(view)

    async def _look(self) -> View | None:
        view: View | None = await database_sync_to_async(look)(self.scope)
        if view is None:
            await self.close(UNAUTHENTICATED)
        return view

    async def _show(self, view: View) -> ClientState:
        await self._send_json(snapshot(view.rows, datetime.now(UTC).isoformat()))
        return _state(view)

    async def _correct(self, picture: ClientState, view: View) -> ClientState:
        """Say what was missed; everything anew when the sites are others than before."""
        if (picture.sites, picture.detailed) != (view.sites, view.detailed):
            return await self._show(view)
        for event in picture.missed(view.rows):
            await self._send_json(event)
        return _state(view)

    async def _pass_on(self, picture: ClientState, event: dict[str, Any]) -> None:
        if event["type"] == "pong":
            await self._send_json(event)
            return
        seen = picture.visible(event)
        if seen is not None:
            picture.told(seen)
            await self._send_json(seen)

    async def _send_json(self, content: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(content, separators=(",", ":"), default=str))


def _state(view: View) -> ClientState:
    return ClientState(
        view.rows,
        view.sites,
        detailed=view.detailed,
        user_id=view.user_id,
        sees_all=view.sees_all,
    )


def _next_look(view: View) -> float:
    """When the database is asked again who listens: a token's end is no later than its time."""
    return _clock() + (RECHECK if view.ends_in is None else min(RECHECK, max(view.ends_in, 0.0)))


def _clock() -> float:
    return asyncio.get_running_loop().time()
