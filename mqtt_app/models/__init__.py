"""Data and constraints; decisions live in `domain`, writes in `services`."""

from mqtt_app.models.access import ApiToken, AuditEntry, Membership
from mqtt_app.models.choices import (
    ConnectionStatus,
    DeadLetterReason,
    DeadLetterState,
    DeviceStatus,
    ErrorClass,
    LogLevel,
    MetricType,
    ParsingErrorType,
    ProtocolVersion,
    QoS,
)
from mqtt_app.models.connections import CONFIGURATION, MqttConnection, MqttTopic
from mqtt_app.models.dead_letters import DeadLetter, ParserHealth
from mqtt_app.models.delivery import BatchReceipt, Delivery
from mqtt_app.models.descriptions import (
    ConnectionMemory,
    DescribedDevice,
    DescribedTopic,
    ParserMemory,
    TopicNotice,
)
from mqtt_app.models.devices import Device, DiscoveredTopic, FoldedMember, Gateway
from mqtt_app.models.logins import LoginCounter
from mqtt_app.models.logs import MqttConnectionLog, MqttParsingLog
from mqtt_app.models.mappings import MappingVersion, PayloadMapping
from mqtt_app.models.metrics import DeviceAlias, Metric
from mqtt_app.models.operations import Operation
from mqtt_app.models.periodic import PeriodicRun
from mqtt_app.models.problems import Problem
from mqtt_app.models.readings import LatestReading, Quality, Reading
from mqtt_app.models.rhythms import SiteRhythm, SiteWeek
from mqtt_app.models.rollups import Rollup, RollupProgress
from mqtt_app.models.rules import TopicRule
from mqtt_app.models.samples import TopicSample
from mqtt_app.models.sites import Site, SiteBooks

__all__ = [
    "CONFIGURATION",
    "ApiToken",
    "AuditEntry",
    "BatchReceipt",
    "ConnectionMemory",
    "ConnectionStatus",
    "DeadLetter",
    "DeadLetterReason",
    "DeadLetterState",
    "Delivery",
    "DescribedDevice",
    "DescribedTopic",
    "Device",
    "DeviceAlias",
    "DeviceStatus",
    "DiscoveredTopic",
    "ErrorClass",
    "FoldedMember",
    "Gateway",
    "LatestReading",
    "LogLevel",
    "LoginCounter",
    "MappingVersion",
    "Membership",
    "Metric",
    "MetricType",
    "MqttConnection",
    "MqttConnectionLog",
    "MqttParsingLog",
    "MqttTopic",
    "Operation",
    "ParserHealth",
    "ParserMemory",
    "ParsingErrorType",
    "PayloadMapping",
    "PeriodicRun",
    "Problem",
    "ProtocolVersion",
    "QoS",
    "Quality",
    "Reading",
    "Rollup",
    "RollupProgress",
    "Site",
    "SiteBooks",
    "SiteRhythm",
    "SiteWeek",
    "TopicNotice",
    "TopicRule",
    "TopicSample",
]
