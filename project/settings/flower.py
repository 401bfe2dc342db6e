"""What Flower runs with: log-in counters in the database, as a role that reaches nothing else, and
no key.

It signs nothing and decrypts nothing, so its keys are its own, and gone with the process.
"""

import os
import secrets
from base64 import urlsafe_b64encode

os.environ["SECRET_KEY"] = secrets.token_urlsafe(64)
os.environ["SECRET_KEY_FALLBACKS"] = ""
os.environ["FIELD_ENCRYPTION_KEYS"] = urlsafe_b64encode(secrets.token_bytes(32)).decode()

from project.settings.base import *  # noqa: F403
