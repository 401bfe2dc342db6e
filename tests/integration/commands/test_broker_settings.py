"""Settings that say where a broker may be are checked when anything starts."""

import os
import subprocess
import sys

import pytest

from mqtt_app.checks import broker_messages
from mqtt_app.conf import Config
from tests.stack import ROOT


def start(*command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "project.settings.test"} | settings
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"SITEWIRE_BROKER_ALLOW": "127.0.0.0/8,10.0.0.1/8"},
            "'10.0.0.1/8' has bits set beyond its prefix",
        ),
        ({"SITEWIRE_BROKER_ALLOW": "*"}, "'*' has a wildcard"),
        ({"SITEWIRE_BROKER_PRIVATE": "yes"}, "SITEWIRE_BROKER_PRIVATE is 'yes'"),
        ({"SITEWIRE_OWN_SERVICES": "web"}, "'web' is not a host and a port"),
    ],
)
def test_a_worker_and_a_command_refuse_to_start_and_name_the_bad_entry(
    settings: dict[str, str], says: str
) -> None:
    for command in (
        ("manage.py", "start_mqtt_service"),
        ("-m", "project.mqtt_worker", "--instance", "x"),
    ):
        ended = start(*command, **settings)
        assert ended.returncode != 0
        assert says in ended.stderr
    assert "Traceback" not in start("manage.py", "check", **settings).stderr


def test_an_entry_that_opens_nothing_is_a_warning() -> None:
    (message,) = broker_messages(Config(broker_allow=("0.0.0.0/0", "10.0.0.0/8", "broker.example")))
    assert (message.id, "'0.0.0.0/0' opens nothing" in message.msg) == ("sitewire.W021", True)


def test_a_bad_entry_of_a_settings_file_is_an_error() -> None:
    messages = broker_messages(
        Config(broker_allow=("x y",), broker_private="no", own_services=("web",))
    )
    assert [message.id for message in messages] == ["sitewire.E020"] * 3
