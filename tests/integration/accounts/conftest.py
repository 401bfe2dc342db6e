"""Users, and browsers that come from an address of their own."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User, UserManager
from django.test import Client

from mqtt_app.models import Site
from tests.answers import Answer
from tests.integration.api.client import PASSWORD, connected_site, member_of, superuser

ADDRESS = "192.0.2.10"


@pytest.fixture
def site(db: None) -> Site:
    return connected_site()


@pytest.fixture
def anna(site: Site) -> User:
    """A member of the site, who may look into the admin."""
    user = member_of(site, "anna")
    user.email, user.is_staff = "anna@example.org", True
    user.save()
    return user


@pytest.fixture
def root(db: None) -> User:
    return superuser()


@pytest.fixture
def browser() -> Client:
    return Client(REMOTE_ADDR=ADDRESS)


@pytest.fixture
def logged_in(anna: User) -> Client:
    return browser_of(anna)


@pytest.fixture
def admin(root: User) -> Client:
    return browser_of(root)


def browser_of(user: User, address: str = ADDRESS) -> Client:
    opened = Client(REMOTE_ADDR=address)
    opened.force_login(user)
    return opened


def api_login(
    name: str = "anna", password: str = PASSWORD, address: str = ADDRESS, **more: Any
) -> Answer:
    body = {"username": name, "password": password, **more}
    return Client(REMOTE_ADDR=address).post(
        "/api/v1/auth/login/", body, content_type="application/json"
    )


def api(
    token: str, method: str, path: str, body: dict[str, Any] | None = None, address: str = ADDRESS
) -> Answer:
    headers = {"Authorization": f"Token {token}"}
    return Client(REMOTE_ADDR=address, raise_request_exception=False).generic(
        method, path, "" if body is None else json.dumps(body), "application/json", headers=headers
    )


def page_login(
    name: str = "anna", password: str = PASSWORD, path: str = "/login/", address: str = ADDRESS
) -> Answer:
    return Client(REMOTE_ADDR=address).post(path, {"username": name, "password": password})


def users() -> UserManager[User]:
    return User.objects
