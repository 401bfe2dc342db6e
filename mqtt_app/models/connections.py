from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from mqtt_app.domain.link.ack_mode import CHOICES, AckMode
from mqtt_app.models.choices import ConnectionStatus, ErrorClass, ProtocolVersion, QoS
from mqtt_app.models.fields import EncryptedTextField
from mqtt_app.models.operated import OperatedModel
from mqtt_app.models.sites import Site
from mqtt_app.models.validators import validate_broker_host, validate_name, validate_topic_filter

ACK_MODES = [mode.value for mode in AckMode]


CONFIGURATION = frozenset(
    {
        "broker_host",
        "broker_port",
        "username",
        "password",
        "use_tls",
        "tls_ca_certificate",
        "tls_client_certificate",
        "tls_client_key",
        "tls_verify",
        "protocol_version",
        "client_id",
        "keepalive",
        "ack_mode",
    }
)
"""A running link has to know of it when one of these changes; for most of them it is made anew."""


class MqttConnection(OperatedModel):
    """The wish (`is_active`), the address, the owner, and what is (`status`).

    `generation` grows with every change of owner: the fencing token. `config_version` grows with
    every change that a running link has to notice; triggers see to it, whoever writes (migration
    0004). `owner` and everything below it is written by the owning instance only, and only `WHERE
    generation = mine`.

    `subscribed_version` is the `config_version` whose filters the broker's session is known to
    have, and no others; `obsolete_filters` are those that it may have beside them, because they
    were taken away since.

    `capabilities` (domain/link/answers/capabilities.py) is what the broker said in its last CONNACK;
    `link_memory` (domain/link/trouble/memory.py) is what its owners found out.
    """

    site = models.OneToOneField(Site, on_delete=models.CASCADE, related_name="connection")
    is_active = models.BooleanField(default=False, help_text="What the operator wants.")

    broker_host = models.CharField(max_length=253, validators=[validate_broker_host])
    broker_port = models.PositiveIntegerField(
        default=1883, validators=[MinValueValidator(1), MaxValueValidator(65_535)]
    )
    username = models.CharField(max_length=256, blank=True, validators=[validate_name])
    password = EncryptedTextField(blank=True, default="")
    use_tls = models.BooleanField(default=False, verbose_name="use TLS")
    tls_ca_certificate = models.TextField(
        blank=True,
        default="",
        verbose_name="TLS CA certificate",
        help_text="PEM. Empty: the system's CAs.",
    )
    tls_client_certificate = models.TextField(
        blank=True, default="", verbose_name="TLS client certificate", help_text="PEM."
    )
    tls_client_key = EncryptedTextField(
        blank=True, default="", verbose_name="TLS client key", help_text="PEM."
    )
    tls_verify = models.BooleanField(
        default=True,
        verbose_name="verify TLS",
        help_text="Off: anyone in between can read and alter everything.",
    )
    protocol_version = models.CharField(
        max_length=8, choices=ProtocolVersion.choices, default=ProtocolVersion.AUTO
    )
    client_id = models.CharField(
        max_length=128,
        blank=True,
        default="",
        validators=[validate_name],
        help_text="Empty: made from the prefix and the connection's id.",
    )
    keepalive = models.PositiveIntegerField(
        default=60,
        validators=[MinValueValidator(5), MaxValueValidator(65_535)],
        help_text="Seconds.",
    )
    ack_mode = models.CharField(
        max_length=8,
        choices=CHOICES,
        default=AckMode.STORED.value,
        verbose_name="acknowledge QoS 1 messages",
    )
    broker_queue_limit = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Messages that the broker queues for one client while we are away (mosquitto: max_queued_messages). "
        "Only shown, with how long that lasts at the present rate.",
    )
    config_version = models.PositiveBigIntegerField(default=1, editable=False)
    restarts = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="How often a new link was asked for."
    )
    subscribed_version = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)
    obsolete_filters = ArrayField(
        models.CharField(max_length=640), default=list, db_default=[], editable=False
    )

    assigned_instance = models.CharField(max_length=128, blank=True, default="", editable=False)
    assigned_at = models.DateTimeField(null=True, blank=True, editable=False)
    owner = models.CharField(max_length=128, blank=True, default="", editable=False)
    owned_since = models.DateTimeField(null=True, blank=True, editable=False)
    generation = models.PositiveBigIntegerField(default=0, editable=False)

    status = models.CharField(
        max_length=16,
        choices=ConnectionStatus.choices,
        default=ConnectionStatus.DISCONNECTED,
        editable=False,
    )
    status_since = models.DateTimeField(default=timezone.now, editable=False)
    error_class = models.CharField(
        max_length=16,
        choices=ErrorClass.choices,
        default=ErrorClass.NONE,
        blank=True,
        editable=False,
    )
    error_message = models.TextField(blank=True, default="", editable=False)
    error_at = models.DateTimeField(null=True, blank=True, editable=False)
    retry_count = models.PositiveIntegerField(default=0, editable=False)
    connected_at = models.DateTimeField(null=True, blank=True, editable=False)
    negotiated_version = models.CharField(max_length=8, blank=True, default="", editable=False)
    capabilities = models.JSONField(default=dict, db_default={}, editable=False)
    link_memory = models.JSONField(default=dict, db_default={}, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "MQTT connection"
        ordering = ("id",)
        indexes = (
            models.Index(fields=("assigned_instance",), name="mqtt_conn_assigned"),
            models.Index(fields=("owner",), name="mqtt_conn_owner", condition=~Q(owner="")),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(broker_port__range=(1, 65_535)), name="mqtt_conn_port"
            ),
            models.CheckConstraint(condition=Q(ack_mode__in=ACK_MODES), name="mqtt_conn_ack_mode"),
            models.CheckConstraint(
                condition=Q(status__in=ConnectionStatus.values), name="mqtt_conn_status"
            ),
        )

    def __str__(self) -> str:
        return f"{self.site_id}: {self.broker_host}:{self.broker_port}"


class MqttTopic(OperatedModel):
    """A subscription filter of a connection. Triggers forget the broker's answer when it has to be
    asked anew.
    """

    connection = models.ForeignKey(MqttConnection, on_delete=models.CASCADE, related_name="topics")
    filter = models.CharField(max_length=640, validators=[validate_topic_filter])
    qos = models.PositiveSmallIntegerField(
        choices=QoS.choices, default=QoS.AT_LEAST_ONCE, verbose_name="QoS"
    )
    is_active = models.BooleanField(default=True)
    granted_qos = models.SmallIntegerField(
        null=True,
        blank=True,
        editable=False,
        help_text="What the broker answered: 0 or 1, or 128 and above: refused.",
    )
    granted_at = models.DateTimeField(null=True, blank=True, editable=False)
    refusal = models.CharField(max_length=200, blank=True, default="", editable=False)
    matched_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When a message last matched, within ten minutes.",
    )

    class Meta:
        verbose_name = "MQTT topic"
        verbose_name_plural = "MQTT topics"
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=("connection", "filter"), name="one_topic_per_connection_and_filter"
            ),
        )

    def __str__(self) -> str:
        return self.filter
