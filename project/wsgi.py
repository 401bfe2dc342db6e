"""HTTP only, for hosts that cannot speak ASGI; live updates then do not work."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from project.startup import load_settings
from project.web.proxies import WsgiBehindProxies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings.local")
load_settings()
application = WsgiBehindProxies(get_wsgi_application(), settings.TRUSTED_PROXIES)
