"""`manage.py parse TOPIC < payload`."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.narrowing import kind_of
from tests.stack import ROOT


@pytest.fixture
def parse(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """The exit code, and what was printed."""

    def run(payload: bytes, *arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(payload)))
        code = 0
        try:
            call_command("parse", *arguments, "--no-color")
        except SystemExit as end:
            code = kind_of(int, end.code)
        return code, capsys.readouterr().out

    return run


def test_it_shows_the_claims_and_the_readings_of_the_surest(
    parse: Callable[..., tuple[int, str]],
) -> None:
    code, printed = parse(b'{"temperature": 21.5}', "zigbee2mqtt/lamp")
    first, *_ = printed.splitlines()
    assert (code, first) == (0, "0.90  zigbee2mqtt 2")
    assert 'metric "temperature", value 21.5' in printed


def test_it_exits_with_1_and_the_reason_when_a_message_cannot_be_read(
    parse: Callable[..., tuple[int, str]],
) -> None:
    code, printed = parse(b'{"temperature": ', "zigbee2mqtt/lamp")
    assert code == 1
    assert "PARSE_ERROR: broken JSON" in printed


def test_it_says_that_no_parser_takes_a_message(parse: Callable[..., tuple[int, str]]) -> None:
    assert parse(b"\x01\xff\x00", "lab/x") == (1, "No parser takes this message.\n")


def test_it_says_that_a_message_gives_nothing_to_store(
    parse: Callable[..., tuple[int, str]],
) -> None:
    code, printed = parse(b"", "owntracks/jane/phone")
    assert (code, printed.splitlines()[-1]) == (0, "  nothing to store")


def test_values_that_are_false_are_shown(parse: Callable[..., tuple[int, str]]) -> None:
    _, printed = parse(b'{"state": {"reported": {"239": 0, "latlng": ""}}}', "352093081234567/data")
    assert "value false" in printed


def test_json_is_what_the_api_answers(parse: Callable[..., tuple[int, str]]) -> None:
    _, printed = parse(b'{"temperature": 21.5}', "zigbee2mqtt/lamp", "--json")
    assert json.loads(printed).keys() == {"claims", "parser", "facts", "error"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(("a/#",), "wildcards"), (("a", "--time-zone", "Mars/Olympus"), "IANA")],
)
def test_wrong_arguments_are_refused_with_what_to_write(
    parse: Callable[..., tuple[int, str]], arguments: tuple[str, ...], says: str
) -> None:
    with pytest.raises(CommandError, match=says):
        parse(b"1", *arguments)


def test_it_works_where_no_sitewire_runs(tmp_path: Path) -> None:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "manage.py", "parse", "zigbee2mqtt/lamp"],
        cwd=ROOT,
        env=environment | {"DATA_DIR": str(tmp_path / "nothing")},
        input=b'{"temperature": 21.5}',
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b'metric "temperature", value 21.5' in done.stdout
    assert not (tmp_path / "nothing").exists()
