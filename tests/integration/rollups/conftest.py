from collections.abc import Iterator

import pytest
from django.db import connection


@pytest.fixture(autouse=True)
def no_readings_of_others(transactional_db: None) -> Iterator[None]:
    """Tests of several transactions empty managed tables only."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE mqtt_reading")
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE mqtt_reading")
