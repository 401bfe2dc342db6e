"""Every closed set of words that is stored, each in one place."""

from django.db import models


class ConnectionStatus(models.TextChoices):
    DISCONNECTED = "disconnected", "Disconnected"
    CONNECTING = "connecting", "Connecting"
    CONNECTED = "connected", "Connected"
    ERROR = "error", "Error"


class ErrorClass(models.TextChoices):
    """Who can mend it: decides the remedy shown and how eagerly we try again."""

    NONE = "", "None"
    CONFIGURATION = "configuration", "Configuration"
    CREDENTIALS = "credentials", "Credentials"
    NETWORK = "network", "Network"
    TLS = "tls", "TLS"
    BROKER = "broker", "Broker"
    CONFLICT = "conflict", "Client id conflict"
    INTERNAL = "internal", "Internal"


class ProtocolVersion(models.TextChoices):
    AUTO = "auto", "MQTT 5, else 3.1.1"
    V5 = "5", "MQTT 5"
    V311 = "3.1.1", "MQTT 3.1.1"


class QoS(models.IntegerChoices):
    AT_MOST_ONCE = 0, "0 - at most once"
    AT_LEAST_ONCE = 1, "1 - at least once"


class DeviceStatus(models.TextChoices):
    ONLINE = "online", "Online"
    OFFLINE = "offline", "Offline"
    UNKNOWN = "unknown", "Unknown"
    ASLEEP = "asleep", "Asleep"  # gone on purpose, and expected back


class MetricType(models.TextChoices):
    NUMBER = "number", "Number"
    BOOLEAN = "boolean", "Boolean"
    TEXT = "text", "Text"
    RAW = "raw", "Raw bytes"


class LogLevel(models.TextChoices):
    DEBUG = "DEBUG", "Debug"
    INFO = "INFO", "Info"
    WARNING = "WARNING", "Warning"
    ERROR = "ERROR", "Error"
    CRITICAL = "CRITICAL", "Critical"


class ParsingErrorType(models.TextChoices):
    VALIDATION_ERROR = "VALIDATION_ERROR", "Validation error"
    PARSE_ERROR = "PARSE_ERROR", "Parse error"
    DB_ERROR = "DB_ERROR", "Database error"
    UNKNOWN_ERROR = "UNKNOWN_ERROR", "Unknown error"


class DeadLetterReason(models.TextChoices):
    """Why a message is a dead letter."""

    FAILED = "failed", "Its parser made nothing of it"
    REFUSED = "refused", "The database refused it"
    UNSTORED = "unstored", "It killed what was to store it, or nothing could"


class DeadLetterState(models.TextChoices):
    """What is to become of a dead letter. All but the first are counted as `kept`."""

    RESTING = "resting", "Nothing is done by itself"
    WAITING = "waiting", "Waits for its parser"
    DUE = "due", "Is replayed soon"
    REQUESTED = "requested", "Is replayed soon, by request"
