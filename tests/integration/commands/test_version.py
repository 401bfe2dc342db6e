"""One version, wherever it is asked for."""

import subprocess
import sys
from configparser import ConfigParser

from django.test import Client

from project.version import VERSION
from tests.stack import ROOT


def test_the_command_says_the_version_without_an_installation() -> None:
    answer = subprocess.run(
        [sys.executable, "manage.py", "version"],
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert answer.stdout == f"Sitewire {VERSION}\n"


def test_the_schema_and_the_foot_of_each_page_say_it(admin_client: Client) -> None:
    assert f"version: {VERSION}" in admin_client.get("/api/schema/").content.decode()
    assert f"Sitewire {VERSION}" in admin_client.get("/").content.decode()


def test_the_package_takes_it_from_the_same_place() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["metadata"]["version"] == "attr: project.version.VERSION"


def test_the_change_log_has_a_section_for_it() -> None:
    assert f"## [{VERSION}]" in (ROOT / "CHANGELOG.md").read_text()
