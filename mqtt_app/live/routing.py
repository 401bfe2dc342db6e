"""Every WebSocket address of the web process, behind the guard against foreign pages."""

from channels.routing import URLRouter
from django.urls import path

from mqtt_app.live.access import SameHostOnly
from mqtt_app.live.consumers import StatusConsumer

websocket_urlpatterns = [path("ws/mqtt/status/", StatusConsumer.as_asgi())]
websocket = SameHostOnly(URLRouter(websocket_urlpatterns))
