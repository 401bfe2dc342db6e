"""The migrations make what the models say."""

import pytest
from django.core.management import call_command

pytestmark = pytest.mark.django_db


def test_no_migration_is_missing() -> None:
    """Raises SystemExit, and prints what differs, where one is."""
    call_command("makemigrations", check=True, dry_run=True)
