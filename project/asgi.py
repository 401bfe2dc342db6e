"""HTTP and WebSocket entry of the web process."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings.local")

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

import project.celery  # the app that tasks are sent through
from project.logs import configure

http = get_asgi_application()
configure()

from mqtt_app.live.routing import websocket_urlpatterns

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
