"""A WebSocket client in the test's own event loop. (channels.testing wants another web server
installed.)
"""

import json
from typing import Any

from asgiref.testing import ApplicationCommunicator

from mqtt_app.live.access import SameHostOnly


class WebsocketCommunicator:
    def __init__(
        self,
        application: SameHostOnly,
        path: str,
        headers: list[tuple[bytes, bytes]] | tuple[()] = (),
    ) -> None:
        self.scope: dict[str, Any] = {
            "type": "websocket",
            "path": path,
            "query_string": b"",
            "headers": list(headers),
            "subprotocols": [],
        }
        self._inner = ApplicationCommunicator(application, self.scope)

    async def send_input(self, message: dict[str, Any]) -> None:
        await self._inner.send_input(message)

    async def receive_output(self, timeout: float) -> dict[str, Any]:
        answer: dict[str, Any] = await self._inner.receive_output(timeout)
        return answer

    async def receive_nothing(self, timeout: float) -> bool:
        return bool(await self._inner.receive_nothing(timeout))

    async def wait(self, timeout: float) -> None:
        await self._inner.wait(timeout)

    async def connect(self, timeout: int = 5) -> tuple[bool, int | None]:
        await self.send_input({"type": "websocket.connect"})
        answer = await self.receive_output(timeout)
        return answer["type"] == "websocket.accept", answer.get("code")

    async def send_to(self, text_data: str) -> None:
        await self.send_input({"type": "websocket.receive", "text": text_data})

    async def receive_json_from(self, timeout: int = 1) -> dict[str, Any]:
        answer = await self.receive_output(timeout)
        assert answer["type"] == "websocket.send", answer
        found: dict[str, Any] = json.loads(answer["text"])
        return found

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(5)
