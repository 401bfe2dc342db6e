"""One machine, loopback only: what `manage.py up` runs with, and whoever works on what it runs."""

from project.local.running import lend_environment

lend_environment()  # before the environment is read; for scripts that do not come through manage.py

from project.settings.base import *  # noqa: E402, F403
from project.settings.base import SITEWIRE  # noqa: E402

# The demo broker, and any broker you try, lives on this machine.
SITEWIRE.setdefault("broker_allow", ("127.0.0.0/8", "::1/128"))
