"""The test run: real services, quick hashing of passwords."""

from project.settings.local import *  # noqa: F403
from project.settings.local import DATABASES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Tests of several transactions empty every table afterwards, also the one that refuses it
# (migration 0005).
DATABASES["default"]["OPTIONS"]["options"] = "-c sitewire.audit_truncate_allowed=on"
