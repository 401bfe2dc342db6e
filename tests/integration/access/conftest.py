from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from mqtt_app.conf import config
from mqtt_app.domain.access import Switching
from tests.integration.access.world import World, build


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """Made once for a module, in a transaction that is rolled back at its end; each call rolls back
    its own part.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield build()
        transaction.set_rollback(True)


@pytest.fixture
def switching(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Switching]:
    """By indirect parameters: who starts and stops links in this installation."""
    settings.SITEWIRE = {**settings.SITEWIRE, "switching": request.param}
    config.cache_clear()
    yield request.param
    config.cache_clear()
