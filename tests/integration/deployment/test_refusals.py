"""A process that must not start names the variable and what makes a good value, in one sentence."""

import re
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from tests.integration.deployment.production import environment, new_field_key, refusal, run
from tests.stack import ROOT

RANDOM = "kq7Zb0vWm2-Xc9sRtYhG4uLpEj6NdFa_8oiK3wMzQvTxBnCy5rJ1gSeDUfHlA0oP"
CHECK = ("manage.py", "check")
ENTRIES = {
    "uvicorn": ("-m", "uvicorn", "project.asgi:application", "--port", "1"),
    "wsgi": ("-c", "import project.wsgi"),
    "task worker": ("-m", "celery", "-A", "project", "worker"),
    "beat": ("-m", "celery", "-A", "project", "beat"),
    "MQTT worker": ("-m", "project.mqtt_worker", "--instance", "mqtt-1"),
    "start_mqtt_service": ("manage.py", "start_mqtt_service"),
    "migrate": ("manage.py", "migrate"),
}


def key_of(content: bytes) -> str:
    return urlsafe_b64encode(content).decode()


UNSAFE = [
    ("SECRET_KEY", None, "init"),
    ("SECRET_KEY", "", "init"),
    ("SECRET_KEY", RANDOM[:49], "49 characters"),
    ("SECRET_KEY", "changeme" * 8, "example"),
    ("SECRET_KEY", f"django-insecure-{RANDOM}", "example"),
    ("SECRET_KEY", f"{RANDOM}-Change-Me", "example"),
    ("SECRET_KEY", "your-secret-key-goes-right-here-and-is-kept-private-by-you", "example"),
    ("SECRET_KEY", "a" * 64, "repeats itself"),
    ("SECRET_KEY", RANDOM[:16] * 4, "repeats itself"),
    ("SECRET_KEY", "a" * 40 + "bcbbccbb" * 3 + "d", "guessed"),
    ("SECRET_KEY_FALLBACKS", "changeme" * 8, "example"),
    ("SECRET_KEY_FALLBACKS", f"{RANDOM},short", "key 2"),
    ("FIELD_ENCRYPTION_KEYS", None, "init"),
    ("FIELD_ENCRYPTION_KEYS", ",".ljust(50, ","), "init"),
    ("FIELD_ENCRYPTION_KEYS", "not a key of any kind that Fernet knows at all", "init"),
    ("FIELD_ENCRYPTION_KEYS", key_of(bytes(32)), "all zeros"),
    ("FIELD_ENCRYPTION_KEYS", key_of(b"\xff" * 32), "example"),
    ("FIELD_ENCRYPTION_KEYS", key_of(bytes(range(32))), "example"),
    ("FIELD_ENCRYPTION_KEYS", key_of(b"0123456789abcdef" * 2), "example"),
    ("FIELD_ENCRYPTION_KEYS", key_of(b"this is 32 bytes of typed text!!"), "typed text"),
    (
        "FIELD_ENCRYPTION_KEYS",
        f"{key_of(RANDOM.encode()[:31] + bytes([200]))},{key_of(bytes(32))}",
        "key 2",
    ),
    ("ALLOWED_HOSTS", None, "--host"),
    ("ALLOWED_HOSTS", " , ", "--host"),
    ("ALLOWED_HOSTS", "*", "every name"),
    ("ALLOWED_HOSTS", "sitewire.test,*", "every name"),
    ("ALLOWED_HOSTS", ".com", "top-level"),
    ("ALLOWED_HOSTS", ".", "not a host name"),
    ("ALLOWED_HOSTS", "*.example.com", ".example.com"),
    ("DEBUG", "true", "DEBUG is on"),
    ("DEBUG", "1", "DEBUG is on"),
]

BAD_VALUES = [
    ("DEBUG", "maybe", "neither true nor false"),
    ("HTTPS_ONLY", "ture", "neither true nor false"),
    ("DATABASE_PREPARED_STATEMENTS", "2", "neither true nor false"),
    ("SECURE_HSTS_SECONDS", "a year", "whole number"),
    ("SECURE_HSTS_SECONDS", "-1", "whole number"),
    ("SECURE_HSTS_SECONDS", "9" * 5_000, "whole number"),
    ("DATABASE_POOL_SIZE", "ten", "whole number"),
    ("DATABASE_POOL_SIZE", "100000", "whole number"),
    ("DATABASE_POOL_SIZE", "1e3", "whole number"),
    ("DATABASE_URL", "", "postgres://"),
    ("DATABASE_URL", "sqlite:///db.sqlite3", "postgres://"),
    ("DATABASE_URL", "postgres://u:p@h:99999/name", "postgres://"),
    ("DATABASE_URL", "postgres://u:p@h:port/name", "postgres://"),
    ("DATABASE_URL", "postgres://u:p@h:5432", "postgres://"),
    ("DATABASE_URL", "postgres://[u:p@h/name", "postgres://"),
    ("REDIS_URL", "", "redis://"),
    ("REDIS_URL", "localhost:6379", "redis://"),
    ("REDIS_URL", "redis://:secret@host:0/0", "redis://"),
    ("REDIS_URL", "redis://host:6379/zero", "redis://"),
    ("ALLOWED_HOSTS", "https://sitewire.test", "without scheme"),
    ("ALLOWED_HOSTS", "sitewire.test:8000", "without scheme"),
    ("ALLOWED_HOSTS", "site wire", "not a host name"),
    ("CSRF_TRUSTED_ORIGINS", "sitewire.test", "https://"),
    ("CSRF_TRUSTED_ORIGINS", "https://sitewire.test/page", "https://"),
    ("CSRF_TRUSTED_ORIGINS", "https://[", "https://"),
    ("TRUSTED_PROXIES", "*", "host name"),
    ("TRUSTED_PROXIES", "0.0.0.0/0", "everybody"),
    ("TRUSTED_PROXIES", "10.0.0.0/33", "network"),
    ("DATA_DIR", " ", "folder"),
    ("LOG_DIR", "/etc/hostname", "not a folder"),
    ("EMAIL_URL", "mail.example.com", "smtp"),
    ("EMAIL_URL", "smtp://", "smtp"),
    ("EMAIL_URL", "smtp://h:0", "smtp"),
    ("EMAIL_URL", "smtp://h:99999", "smtp"),
    ("BEAT_HEARTBEAT", "/no/such/folder/beat", "folder that is there"),
    ("BEAT_HEARTBEAT", "/tmp", "must be a file"),
    ("SITEWIRE_LEASE_TTL", "soon", "a number"),
    ("SITEWIRE_LEASE_TTL", "nan", "above 0"),
    ("SITEWIRE_LEASE_TTL", "inf", "above 0"),
    ("SITEWIRE_LEASE_TTL", "0", "above 0"),
    ("SITEWIRE_CAPACITY", "5.5", "a whole number"),
    ("SITEWIRE_CAPACITY", "-3", "above 0"),
    ("SITEWIRE_CAPACITY", "", "a whole number"),
    ("SITEWIRE_BROKER_DENY_PORTS", "5432,x", "a whole number"),
]


@pytest.mark.parametrize(("name", "value", "said"), UNSAFE)
def test_production_does_not_start_with_what_others_know_or_guess(
    name: str, value: str | None, said: str
) -> None:
    sentence = refusal(*CHECK, **{name: value})
    assert sentence.startswith(name)
    assert said in sentence
    assert not value or len(value) < 20 or value not in sentence, "a secret is not repeated"


@pytest.mark.parametrize(("name", "value", "said"), BAD_VALUES)
def test_a_value_that_cannot_be_read_is_one_clear_sentence(
    name: str, value: str, said: str
) -> None:
    sentence = refusal(*CHECK, **{name: value})
    assert sentence.startswith(name)
    assert said in sentence
    assert "secret@" not in sentence


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SITEWIRE_LEASE_TTLL", "SITEWIRE_LEASE_TTL"),
        ("SITEWIRE_MAX_TOPIC", "SITEWIRE_MAX_TOPICS"),
        ("SITEWIRE_BROKERALLOW", "SITEWIRE_BROKER_ALLOW"),
        ("SITEWIRE_RETENTION_LOG_DAYS", "SITEWIRE_LOG_RETENTION_DAYS"),
        ("SITEWIRE_", "mqtt_app/conf.py"),
        ("SITEWIRE_ZZZZZ", "mqtt_app/conf.py"),
    ],
)
def test_an_unknown_setting_is_told_the_nearest_right_one(name: str, meant: str) -> None:
    sentence = refusal(*CHECK, **{name: "1"})
    assert sentence.startswith(f"{name} is not a setting")
    assert meant in sentence


def test_every_value_that_the_settings_read_is_tried_above() -> None:
    read = re.compile(r'checked\.\w+\(\s*env, "(\w+)"')
    sources = [path.read_text() for path in (ROOT / "project/settings").glob("*.py")]
    names = {name for source in sources for name in read.findall(source)}
    assert len(names) > 10
    assert names - {name for name, *_ in UNSAFE + BAD_VALUES} == set()


def test_the_settings_read_nothing_past_the_checks() -> None:
    files = [path for path in (ROOT / "project/settings").glob("*.py") if path.name != "checked.py"]
    raw = re.compile(r"\benv\.\w+\(|\benv\(|environ\[[^]]*\](?! =)|getenv")
    assert [path.name for path in files if raw.search(path.read_text())] == []


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_point_says_it_alike(entry: str) -> None:
    assert refusal(*ENTRIES[entry], SECRET_KEY="changeme" * 8).startswith(
        "SECRET_KEY is an example"
    )


def test_production_takes_no_key_from_a_data_folder(tmp_path: Path) -> None:
    (tmp_path / "environment.json").write_text(
        f'{{"SECRET_KEY": "{RANDOM}", "FIELD_ENCRYPTION_KEYS": "{new_field_key()}"}}'
    )
    sentence = refusal(*CHECK, DATA_DIR=str(tmp_path), SECRET_KEY=None, FIELD_ENCRYPTION_KEYS=None)
    assert sentence.startswith("SECRET_KEY is not set")


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"SECURE_HSTS_SECONDS": "0"},
        {"HTTPS_ONLY": "false", "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]"},
        {"ALLOWED_HOSTS": ".example.org", "TRUSTED_PROXIES": "caddy, 10.0.0.0/24"},
        {"SECRET_KEY_FALLBACKS": f"{RANDOM},{RANDOM[::-1]}", "DEBUG": "off"},
    ],
)
def test_both_forms_of_production_pass_djangos_own_review(form: dict[str, str]) -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", env=environment(**form))
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
