"""One machine, loopback only: what `manage.py up` runs with."""

from project.settings.base import *  # noqa: F403
from project.settings.base import SITEWIRE

# The demo broker, and any broker you try, lives on this machine.
SITEWIRE.setdefault("broker_allow", ("127.0.0.0/8", "::1/128"))
