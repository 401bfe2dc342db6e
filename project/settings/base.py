"""Settings shared by every environment. Values that differ between machines come from environment
variables only.
"""

from pathlib import Path

import environ

from project.settings import checked
from project.version import VERSION as SITEWIRE_VERSION
from tasks.queues import TASK_QUEUES, TASK_ROUTES

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = environ.Env()

SECRET_KEY = checked.text(env, "SECRET_KEY", minimum=32)
SECRET_KEY_FALLBACKS = checked.old_secret_keys(env, "SECRET_KEY_FALLBACKS")
"""Former keys: what they signed (sessions) is still accepted. Left out again once those have ended.
"""
FIELD_ENCRYPTION_KEYS = checked.fernet_keys(env, "FIELD_ENCRYPTION_KEYS")
DEBUG = False
ALLOWED_HOSTS = checked.hosts(env, "ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = checked.origins(env, "CSRF_TRUSTED_ORIGINS")
TRUSTED_PROXIES = checked.proxies(env, "TRUSTED_PROXIES")
"""Whose X-Forwarded-For and X-Forwarded-Proto count: addresses, networks and names. Nobody's,
unless said.
"""
DATA_DIR = checked.folder(env, "DATA_DIR", default=BASE_DIR / "var")
LOG_DIR = checked.folder(env, "LOG_DIR", default=DATA_DIR / "log")
BEAT_HEARTBEAT = checked.file(env, "BEAT_HEARTBEAT")
"""A file that beat touches at each turn, for its health check; None for none."""
REDIS_URL = checked.redis_url(env, "REDIS_URL")
DATABASES = {"default": checked.database(env, "DATABASE_URL")}
DATABASE_POOL_SIZE = checked.count(env, "DATABASE_POOL_SIZE", default=10)
"""Database connections of one web process; 0 for one in each thread instead of a pool."""

INSTALLED_APPS = [
    "project.apps.SitewireAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "knox",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "django_celery_beat",
    "django_structlog",
    "mqtt_app",
    "tasks",
    "project.apps.ProjectConfig",
]

MIDDLEWARE = [
    "mqtt_app.middleware.policy.PolicyMiddleware",
    "project.web.health_paths.AnyHost",
    "django.middleware.security.SecurityMiddleware",
    "project.web.static_files.WholeFiles",
    "mqtt_app.middleware.origin.CrossSiteMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "mqtt_app.middleware.actor.ActorMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "project.urls"
ASGI_APPLICATION = "project.asgi.application"
WSGI_APPLICATION = "project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "mqtt_app.services.accounts.passwords.EndWithPassword"},
]
AUTHENTICATION_BACKENDS = ["mqtt_app.services.accounts.backend.ThrottledBackend"]
PASSWORD_RESET_TIMEOUT = 86_400  # s; of links that are sent by e-mail or made by an administrator
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True  # nothing is collected, so there is no STATIC_ROOT

MAIL = checked.mail(env, "EMAIL_URL", "DEFAULT_FROM_EMAIL")
HAS_MAIL = bool(MAIL)
"""Whether a forgotten password can be set by a link that is sent; otherwise an administrator makes
the link.
"""
globals().update(MAIL)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "mqtt_app.services.accounts.token_authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["mqtt_app.api.parsers.FiniteJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "mqtt_app.api.pagination.TimeCursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_METADATA_CLASS": "mqtt_app.api.metadata.PlainMetadata",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
KNOX_TOKEN_MODEL = "mqtt.ApiToken"
MIGRATION_MODULES = {"knox": None}  # its own table would be made too, and stay empty
REST_KNOX = {"TOKEN_TTL": None, "AUTH_HEADER_PREFIX": "Token", "AUTO_REFRESH": False}
SPECTACULAR_SETTINGS = {
    "TITLE": "Sitewire",
    "DESCRIPTION": "One long-lived MQTT connection per site, and the truth about each of them.",
    "VERSION": SITEWIRE_VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "AckModeEnum": "mqtt_app.domain.link.ack_mode.CHOICES",
        "ConnectionStatusEnum": "mqtt_app.models.choices.ConnectionStatus",
        "DeadLetterStateEnum": "mqtt_app.models.choices.DeadLetterState",
        "OperationStateEnum": "mqtt_app.models.operations.STATES",
        "DeviceStatusEnum": "mqtt_app.models.choices.DeviceStatus",
    },
}

# The core layer with redis-py 8 dies after 5 s idle (channels_redis#422); the pub/sub layer does
# not.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "sitewire"},
    }
}

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_QUEUES = TASK_QUEUES
CELERY_TASK_ROUTES = TASK_ROUTES
CELERY_TASK_CREATE_MISSING_QUEUES = (
    True  # each MQTT worker has a control queue named after its instance
)
CELERY_TASK_DEFAULT_QUEUE = "mqtt.control"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json", "msgpack"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = (
    False  # with a poison task True is a hot loop; whoever sent the task retries
)
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20.0
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = True
CELERY_TASK_TIME_LIMIT = 120  # s
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CHANNEL_ERROR_RETRY = (
    True  # a Redis error reply (OOM) must not leave a worker that consumes nothing
)
CELERY_WORKER_CONSUMER = "project.consumer:Consumer"
CELERY_BROKER_POOL_ACQUIRE_TIMEOUT = 5
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,  # s; five times the time limit above
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "project.scheduler:Scheduler"
DJANGO_CELERY_BEAT_TZ_AWARE = True

SITEWIRE = checked.knobs()
"""Overrides of `mqtt_app.conf.Config`, one environment variable SITEWIRE_<FIELD> each."""

DEFAULT_EXCEPTION_REPORTER = "project.web.error_pages.MaskedReporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "project.web.error_pages.NoValues"
LOGGING_CONFIG = None  # project.logs.configuration.configure() is called by the composition roots, once per process
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
