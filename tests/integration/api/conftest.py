import pytest

from mqtt_app.models import Site
from tests.integration.api.client import Caller, connected_site, member_of, superuser


@pytest.fixture
def site(db: None) -> Site:
    return connected_site()


@pytest.fixture
def root(db: None) -> Caller:
    return Caller(superuser())


@pytest.fixture
def member(site: Site) -> Caller:
    return Caller(member_of(site))


@pytest.fixture
def stranger(db: None) -> Caller:
    return Caller(member_of(connected_site("Elsewhere"), "stranger"))


@pytest.fixture
def nobody() -> Caller:
    return Caller()
