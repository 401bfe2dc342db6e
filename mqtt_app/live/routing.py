"""Every WebSocket address of the web process, behind the guard against foreign pages."""

from typing import Any

from channels.routing import URLRouter
from django.urls import path, re_path

from mqtt_app.live.access import SameHostOnly, Scope
from mqtt_app.live.consumers import StatusConsumer

NO_SUCH_ADDRESS = 4404  # close code, where the server cannot answer a handshake with 404


async def no_such_address(scope: Scope, receive: Any, send: Any) -> None:
    """Refuse the handshake of a socket that is not there. It is the caller's mistake: nothing is
    logged.
    """
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
        headers = [(b"content-type", b"application/json")]
        await send({"type": "websocket.http.response.start", "status": 404, "headers": headers})
        body = b'{"detail": "There is no WebSocket at this address. Use /ws/mqtt/status/."}'
        await send({"type": "websocket.http.response.body", "body": body})
        return
    await send({"type": "websocket.close", "code": NO_SUCH_ADDRESS})


_elsewhere: Any = no_such_address
websocket_urlpatterns = [
    path("ws/mqtt/status/", StatusConsumer.as_asgi()),
    re_path(r"", _elsewhere),
]
websocket = SameHostOnly(URLRouter(websocket_urlpatterns))
