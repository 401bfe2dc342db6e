"""Characters that deceive the eye: refused in names, visible in what strangers sent."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError

from mqtt_app.domain.names import deceptive_character, visible
from mqtt_app.models import ApiToken, DeadLetter, Device, DiscoveredTopic, MqttParsingLog, Site
from tests.integration.api.client import Caller

DECEPTIVE = [
    "\u0007",
    "\u001b",
    "\u007f",
    "\u0085",
    "\u00ad",
    "\u061c",
    "\u200b",
    "\u200d",
    "\u200e",
    "\u200f",
    "\u2028",
    "\u202a",
    "\u202e",
    "\u2060",
    "\u2066",
    "\u2069",
    "\ufeff",
    "\U000e0041",
]
ORDINARY = ["Plant 7", "Größe", "工場", "مصنع", "מפעל", "a\u0301", "🏭", "naïve “quoted”"]


@pytest.mark.parametrize("character", DECEPTIVE, ids=ascii)
def test_such_a_character_is_found_and_shown_by_its_number(character: str) -> None:
    assert deceptive_character(f"a{character}b") == f"U+{ord(character):04X}"
    assert visible(f"a{character}b") == f"a⟨U+{ord(character):04X}⟩b"


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_of_any_script_stays(text: str) -> None:
    assert deceptive_character(text) == ""
    assert visible(f"{text}\r\n\t") == f"{text}\r\n\t"


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\u0007"], ids=ascii)
def test_the_api_refuses_it_under_its_field_and_strips_nothing(
    character: str, root: User, site: Site
) -> None:
    caller, name = Caller(root), f"Pla{character}nt"
    device = Device.objects.get()
    for method, path, field in (
        ("POST", "sites/", "name"),
        ("PATCH", f"sites/{site.pk}/", "name"),
        ("PATCH", f"devices/{device.pk}/", "name"),
        ("PATCH", f"sites/{site.pk}/connection/", "client_id"),
        ("PATCH", f"sites/{site.pk}/connection/", "username"),
    ):
        answer = caller.call(method, path, {field: name})
        assert answer.status_code == 400, path
        assert f"U+{ord(character):04X}" in answer.json()[field][0]
    assert not Site.objects.filter(name__contains="Pla\u200b").exists()


@pytest.mark.parametrize(
    ("page", "values", "field"),
    [
        ("mqtt/site", {"name": "a\u202eb"}, "name"),
        ("auth/group", {"name": "a\u202eb"}, "name"),
        ("auth/user", {"username": "a\u202eb", "usable_password": "true"}, "username"),
        ("django_celery_beat/periodictask", {"name": "a\u202eb"}, "name"),
    ],
)
def test_the_admin_refuses_it_under_its_field(
    page: str, values: dict[str, str], field: str, callers: dict[str, Any], site: Site
) -> None:
    answer = callers["root"]().post(f"/admin/{page}/add/", values)
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert not Group.objects.exists()
    assert not User.objects.filter(username__contains="\u202e").exists()


def test_names_of_tokens_are_checked_too(root: User) -> None:
    with pytest.raises(ValidationError, match=r"U\+202E"):
        ApiToken(name="a\u202eb", user=root, digest="d").full_clean()


def test_what_strangers_sent_is_visible_on_every_page(callers: dict[str, Any], site: Site) -> None:
    text = "plant/\u202egpj.exe/\u200b<b>x</b>"
    Device.objects.update(identifier=text)
    topic = DiscoveredTopic.objects.get()
    DiscoveredTopic.objects.update(topic=text)
    DeadLetter.objects.update(topic=text, payload=text.encode())
    log = MqttParsingLog.objects.create(
        site=site,
        topic=text,
        error_type="PARSE_ERROR",
        error_message=text,
        payload_sample={"a": text},
    )
    browser = callers["root"]()
    for address in (
        f"/sites/{site.pk}/",
        f"/fragments/sites/{site.pk}/",
        "/admin/mqtt/discoveredtopic/",
        "/admin/mqtt/device/",
        f"/admin/mqtt/discoveredtopic/{topic.pk}/change/",
        f"/admin/mqtt/mqttparsinglog/{log.pk}/change/",
        f"/admin/mqtt/deadletter/{DeadLetter.objects.get().pk}/change/",
        "/admin/mqtt/mqttparsinglog/",
    ):
        page = browser.get(address).content.decode()
        assert (
            deceptive_character(page.replace("\n", "").replace("\r", "").replace("\t", "")) == ""
        ), address
        assert "⟨U+202E⟩" in page
        assert "<b>x" not in page
