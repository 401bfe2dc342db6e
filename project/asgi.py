"""HTTP and WebSocket entry of the web process."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings.local")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

from project import pool
from project.logs import configure

http = get_asgi_application()
configure()
pool.use()

from mqtt_app.live.routing import websocket

application = ProtocolTypeRouter({"http": http, "websocket": websocket})
