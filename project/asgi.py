"""HTTP and WebSocket entry of the web process."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings.local")

import django
from asgiref.sync import sync_to_async
from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler

from project.logs.configuration import configure
from project.startup import load_settings
from project.web import pool
from project.web.proxies import BehindProxies


class OneThread(ASGIHandler):
    """A request runs through all middleware and its view in one thread.

    Views are synchronous here, and so is half of the middleware: Django would go to the thread and
    back for each of them, which was two thirds of the time of a small answer.
    """

    _middleware_chain: Any

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: ARG002  the handler asks for True
        super().load_middleware(is_async=False)
        self._middleware_chain = sync_to_async(self._middleware_chain, thread_sensitive=True)


load_settings()
django.setup(set_prefix=False)
http = OneThread()
configure()
pool.use()

from mqtt_app.live.routing import websocket

application = BehindProxies(
    ProtocolTypeRouter({"http": http, "websocket": websocket}), settings.TRUSTED_PROXIES
)
