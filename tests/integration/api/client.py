"""A caller of the API, and rows to call it about."""

import json
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from mqtt_app.models import ApiToken, Membership, MqttConnection, MqttTopic, Site
from tests.answers import Answer

BASE = "/api/v1/mqtt/"
PASSWORD = "correct-horse-battery"


class Caller:
    """`call("GET", "sites/")` with a token of its own; an absolute path is taken as it is."""

    def __init__(self, user: User | None = None) -> None:
        self.user = user
        self.client = APIClient(raise_request_exception=False)
        if user is not None:
            # Used a moment ago, or the first request would write that it is, and cost more than the
            # others.
            token = ApiToken.objects.create(user, last_used_at=timezone.now())[1]
            self.client.credentials(HTTP_AUTHORIZATION=f"Token {token}")

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        address = path if path.startswith("/") else BASE + path
        answer: Any = self.client.generic(
            method, address, _json(body), content_type="application/json"
        )
        return cast(Answer, answer)

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.content
        return answer.json()


def _json(body: Any) -> Any:
    if isinstance(body, (bytes, str)):
        return body
    return "" if body is None else json.dumps(body)


def superuser(name: str = "root") -> User:
    return get_user_model().objects.create_superuser(name, password=PASSWORD)


def member_of(site: Site, name: str = "member") -> User:
    user = get_user_model().objects.create_user(name, password=PASSWORD)
    Membership.objects.create(site=site, user=user)
    return user


def connected_site(name: str = "Plant", **values: Any) -> Site:
    """A site with a connection and one filter."""
    site = Site.objects.create(name=name)
    connection = MqttConnection.objects.create(
        site=site, **{"broker_host": "broker.example", **values}
    )
    MqttTopic.objects.create(connection=connection, filter="plant/#")
    return site
