"""HTTP only, for hosts that cannot speak ASGI; live updates then do not work."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings.local")
application = get_wsgi_application()
