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


class KeptState(models.TextChoices):
    """What is to become of a raw message. All but the first are counted as kept in the books of its
    site.
    """

    FAILED = (
        "failed",
        "Failed",
    )  # counted as failed; the bytes stay for a while, in case it was the parser's fault
    KEPT = "kept", "Waits for its parser"
    DUE = "due", "To be parsed again"
    AGAIN = "again", "To be parsed again, by request"
