"""Two sites with a row of everything, and everyone who may ask about the first of them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from mqtt_app.domain.access import Role, Scope
from mqtt_app.models import (
    ApiToken,
    AuditEntry,
    BatchReceipt,
    DeadLetter,
    Device,
    DiscoveredTopic,
    Gateway,
    LatestReading,
    LoginCounter,
    MappingVersion,
    Membership,
    MqttConnection,
    MqttConnectionLog,
    MqttParsingLog,
    MqttTopic,
    Operation,
    ParserHealth,
    PayloadMapping,
    Problem,
    Site,
    SiteBooks,
    TopicRule,
)
from tests.integration.mappings.definitions import DEFINITION

HERE, ELSEWHERE = "Berlin-canary", "Zanzibar-canary"
"""In every text of a site's rows, so that a row which reaches the wrong reader is seen by its
words.
"""


@dataclass(frozen=True)
class World:
    here: Site
    elsewhere: Site
    rows: dict[str, Model]  # of the first site, by model name
    users: dict[str, Any]
    tokens: dict[str, str]

    def client(self, caller: str) -> Client:
        """People come with a session, tokens with their header, the anonymous with neither."""
        headers = {"authorization": f"Token {self.tokens[caller]}"} if caller in self.tokens else {}
        client = Client(headers=headers, raise_request_exception=False)
        if caller in self.users:
            client.force_login(self.users[caller])
            # As a header that stays: a call of logout would empty the client's own jar.
            client.defaults["HTTP_COOKIE"] = client.cookies.output(
                attrs=[], header="", sep="; "
            ).strip()
        return client


def build() -> World:
    here, elsewhere = site_with_everything(HERE), site_with_everything(ELSEWHERE)
    users = {role.value: user(role.value, here, role) for role in Role}
    users["foreign"] = user("foreign", elsewhere, Role.MANAGER)
    users["superuser"] = get_user_model().objects.create_superuser("superuser")
    tokens = {
        "expired": token(users["superuser"], expiry=timedelta(seconds=-1)),
        "read": token(users["superuser"], scope=Scope.READ.value),
        "elsewhere": token(users["superuser"], site_ids=[elsewhere.pk]),
    }
    rows = rows_of(here)
    rows["apitoken"] = ApiToken.objects.create(users["superuser"], name="a token")[0]
    LoginCounter.objects.create(key="k", kind=LoginCounter.Kind.NAME, clear_at=timezone.now())
    Group.objects.create(name="group")
    BatchReceipt.objects.create(id=uuid4(), instance="mqtt-1", messages=2)
    return World(here, elsewhere, rows, users, tokens)


def user(name: str, site: Site | None, role: Role | None, **values: Any) -> Any:
    made = get_user_model().objects.create_user(name, **{"is_staff": True, **values})
    if role is not None:
        Membership.objects.create(user=made, site=site, role=role.value)
    return made


def token(owner: Any, **values: Any) -> str:
    expiry = values.pop("expiry", None)
    made, text = ApiToken.objects.create(owner, expiry=expiry)
    ApiToken.objects.filter(pk=made.pk).update(**values)
    return str(text)


def site_with_everything(name: str) -> Site:
    now = timezone.now()
    site = Site.objects.create(name=name)
    connection = MqttConnection.objects.create(
        site=site, broker_host=f"{name}.example".lower(), is_active=False
    )
    MqttTopic.objects.create(connection=connection, filter=f"{name}/#")
    DiscoveredTopic.objects.create(
        connection=connection, topic=f"{name}/t", is_processable=True, parser_name=name
    )
    Problem.objects.create(
        site=site,
        kind="parsing",
        fingerprint=uuid4(),
        title="a parsing error",
        count=1,
        first_at=timezone.now(),
        last_at=timezone.now(),
    )
    mapping = PayloadMapping.objects.create(site=site, name="press")
    MappingVersion.objects.create(mapping=mapping, number=1, definition=DEFINITION)
    TopicRule.objects.create(site=site, position=1, filter=f"{name}/rule/#", note=name)
    gateway = Gateway.objects.create(site=site, identifier=f"{name}-gateway")
    device = Device.objects.create(site=site, identifier=f"{name}-device", gateway=gateway)
    LatestReading.objects.create(
        device=device, metric=f"{name}-metric", value=1.5, time=now, received_at=now
    )
    MqttConnectionLog.objects.create(
        connection=connection, level="ERROR", message=name, broker_host=name
    )
    MqttParsingLog.objects.create(
        site=site, topic=name, error_type="PARSE_ERROR", error_message=name
    )
    message: dict[str, Any] = {
        "site": site,
        "topic": name,
        "payload": name.encode(),
        "qos": 1,
        "received_at": now,
    }
    Operation.objects.create(kind="stop", state="succeeded", site=site, asked_by=site.name)
    DeadLetter.objects.create(
        **message,
        connection=connection,
        retain=False,
        parser_name=name,
        reason="failed",
        state="resting",
    )
    ParserHealth.objects.create(site=site, parser_name=name, paused_since=now, reason=name)
    SiteBooks.objects.create(site=site, received=2, failed=1, quarantined=1)
    AuditEntry.objects.create(
        at=now, source="page", action="changed", object_label=name, site_id=site.pk
    )
    return site


def rows_of(site: Site) -> dict[str, Model]:
    connection = site.connection
    rows: list[Model | None] = [
        site,
        connection,
        site.books,
        connection.topics.first(),
        connection.discovered_topics.first(),
        site.topic_rules.first(),
        site.mappings.first(),
        site.problems.first(),
        site.gateway_set.first(),
        site.device_set.first(),
        connection.logs.first(),
        site.parsing_logs.first(),
        site.dead_letters.first(),
        site.parsers.first(),
        site.operations.first(),
        AuditEntry.objects.filter(site_id=site.pk).first(),
    ]
    return {str(row._meta.model_name): row for row in rows if row is not None}
