"""A misspelt name is refused with the one that was meant."""

from mqtt_app.models import Site
from tests.integration.api.client import Caller


def test_a_misspelt_field_is_refused_with_the_nearest_one(root: Caller, site: Site) -> None:
    answer = root.call("PATCH", f"sites/{site.pk}/", {"silence_afer": 60})
    assert answer.status_code == 400
    assert "Did you mean `silence_after`?" in answer.json()["silence_afer"][0]
    site.refresh_from_db()
    assert site.silence_after == 900


def test_a_misspelt_parameter_is_refused_with_the_nearest_one(root: Caller) -> None:
    answer = root.call("GET", "sites/?serach=x")
    assert answer.status_code == 400
    assert "Did you mean `search`?" in answer.json()["serach"][0]


def test_a_parameter_of_a_list_is_unknown_to_one_of_its_rows(root: Caller, site: Site) -> None:
    answer = root.call("GET", f"sites/{site.pk}/?search=x")
    assert list(answer.json()) == ["search"]
    assert "none is taken here" in answer.json()["search"][0]


def test_what_was_read_can_be_written_again(root: Caller, site: Site) -> None:
    """With the fields that are only shown."""
    shown = root.get(f"sites/{site.pk}/")
    assert root.call("PUT", f"sites/{site.pk}/", shown).status_code == 200
    shown = root.get(f"sites/{site.pk}/connection/")
    assert root.call("PUT", f"sites/{site.pk}/connection/", shown).status_code == 200


def test_an_empty_body_is_no_unknown_field(root: Caller, site: Site) -> None:
    assert root.call("POST", f"sites/{site.pk}/start/", {}).status_code in {200, 202}


def test_a_thousand_unknown_names_do_not_fill_the_answer(root: Caller, site: Site) -> None:
    body = {f"{number}{'x' * 500}": 1 for number in range(1_000)}
    answer = root.call("PATCH", f"sites/{site.pk}/", body)
    assert answer.status_code == 400
    assert len(answer.json()) == 20
    assert len(answer.content) < 20_000
