"""What others reach: over HTTPS behind a proxy (TRUSTED_PROXIES), or over plain HTTP on this
machine alone.

It refuses to start with what would let strangers in. Every sentence names the variable and what
makes a good value.
"""

from project.settings import checked, refusals
from project.settings.base import *  # noqa: F403
from project.settings.base import FIELD_ENCRYPTION_KEYS, SECRET_KEY, SECRET_KEY_FALLBACKS, env

YEAR = 31_536_000  # s

ALLOWED_HOSTS = checked.hosts(env, "ALLOWED_HOSTS")  # without the default of one machine
refusals.refuse_debug("DEBUG", checked.flag(env, "DEBUG", default=False))
refusals.refuse_weak_secret("SECRET_KEY", SECRET_KEY)
for number, key in enumerate(SECRET_KEY_FALLBACKS, 1):
    refusals.refuse_weak_secret(f"SECRET_KEY_FALLBACKS: key {number}", key)
refusals.refuse_weak_field_keys("FIELD_ENCRYPTION_KEYS", FIELD_ENCRYPTION_KEYS)
refusals.refuse_open_hosts("ALLOWED_HOSTS", ALLOWED_HOSTS)

HTTPS_ONLY = checked.flag(env, "HTTPS_ONLY", default=True)
"""False: plain HTTP is meant, for browsers on this machine or in a network that is trusted. Then
nothing redirects to HTTPS, and cookies travel without it.
"""

SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [
    r"^livez$",
    r"^readyz$",
]  # a health check asks the process itself, without TLS
SESSION_COOKIE_SECURE = HTTPS_ONLY
CSRF_COOKIE_SECURE = HTTPS_ONLY
SECURE_HSTS_SECONDS = (
    checked.count(env, "SECURE_HSTS_SECONDS", default=YEAR, most=10 * YEAR) if HTTPS_ONLY else 0
)
SECURE_HSTS_INCLUDE_SUBDOMAINS = bool(SECURE_HSTS_SECONDS)
SECURE_HSTS_PRELOAD = bool(SECURE_HSTS_SECONDS)

SILENCED_SYSTEM_CHECKS = []
if not HTTPS_ONLY:
    # Chosen by name. Browsers would drop cookies marked as secure, and every redirect would end
    # nowhere.
    SILENCED_SYSTEM_CHECKS += ["security.W008", "security.W012", "security.W016"]
if not SECURE_HSTS_SECONDS:
    # Over plain HTTP browsers ignore it; set to 0 it is unwanted: localhost belongs to other
    # programs, too.
    SILENCED_SYSTEM_CHECKS += ["security.W004"]
