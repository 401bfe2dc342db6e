"""Users, and browsers that come from an address of their own."""

import json

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from mqtt_app.models import Site
from tests.integration.api.client import PASSWORD, connected_site, member_of, superuser

ADDRESS = "192.0.2.10"


@pytest.fixture
def site(db) -> Site:
    return connected_site()


@pytest.fixture
def anna(site):
    """A member of the site, who may look into the admin."""
    user = member_of(site, "anna")
    user.email, user.is_staff = "anna@example.org", True
    user.save()
    return user


@pytest.fixture
def root(db):
    return superuser()


@pytest.fixture
def browser() -> Client:
    return Client(REMOTE_ADDR=ADDRESS)


@pytest.fixture
def logged_in(anna) -> Client:
    return browser_of(anna)


@pytest.fixture
def admin(root) -> Client:
    return browser_of(root)


def browser_of(user, address: str = ADDRESS) -> Client:
    opened = Client(REMOTE_ADDR=address)
    opened.force_login(user)
    return opened


def api_login(name="anna", password=PASSWORD, address=ADDRESS, **more):
    body = {"username": name, "password": password, **more}
    return Client(REMOTE_ADDR=address).post(
        "/api/v1/auth/login/", body, content_type="application/json"
    )


def api(token: str, method: str, path: str, body=None, address: str = ADDRESS):
    headers = {"Authorization": f"Token {token}"}
    return Client(REMOTE_ADDR=address, raise_request_exception=False).generic(
        method, path, "" if body is None else json.dumps(body), "application/json", headers=headers
    )


def page_login(name="anna", password=PASSWORD, path="/login/", address=ADDRESS):
    return Client(REMOTE_ADDR=address).post(path, {"username": name, "password": password})


def users():
    return get_user_model().objects
