from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection as database
from django.test import Client

from mqtt_app.models import ApiToken, Membership, Site
from tests.brokers import CertificateAuthority
from tests.integration.api.client import PASSWORD, superuser
from tests.integration.audit.conftest import site as full_site

site = full_site


@pytest.fixture
def clerk(site: Site) -> User:
    """Staff who may look at everything and change nothing."""
    user = User.objects.create_user("clerk", password=PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    Membership.objects.create(site=site, user=user)
    return user


@pytest.fixture
def root(db: None) -> User:
    user: User = superuser()
    return user


@pytest.fixture
def secrets(
    site: Site, root: User, authority: CertificateAuthority, settings: Any
) -> dict[str, str]:
    """Stored where they belong. Of long ones a part that is enough to know them by."""
    certificate, key = authority.client("plant")
    connection = site.connection
    connection.password = "canary-broker-password"
    connection.tls_client_certificate, connection.tls_client_key = certificate, key
    connection.save()
    stored = type(connection).objects.filter(pk=connection.pk).values_list("password").query
    token = ApiToken.objects.create(root)
    return {
        "broker password": connection.password,
        "TLS client key": key.splitlines()[2],
        "token": token[1],
        "token digest": token[0].digest,
        "user's hash": root.password,
        "secret key": settings.SECRET_KEY,
        "field key": settings.FIELD_ENCRYPTION_KEYS[0],
        "database password": settings.DATABASES["default"]["PASSWORD"],
        "Redis password": settings.REDIS_URL.split(":")[2].split("@")[0],
        "ciphertext": _ciphertext(str(stored)),
    }


def _ciphertext(query: str) -> str:
    with database.cursor() as cursor:
        cursor.execute(query)
        return str(cursor.fetchone()[0])[10:60]


@pytest.fixture
def callers(clerk: User, root: User) -> dict[str, Any]:
    def browser(user: User | None) -> Client:
        client = Client(raise_request_exception=False)
        if user is not None:
            client.force_login(user)
        return client

    return {
        "anonymous": lambda: browser(None),
        "clerk": lambda: browser(clerk),
        "root": lambda: browser(root),
    }
