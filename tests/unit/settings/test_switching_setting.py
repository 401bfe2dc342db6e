"""SITEWIRE_SWITCHING: one of two words, or a sentence at start."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from mqtt_app.conf import Config
from mqtt_app.domain.access import Switching
from project.settings import checked


def test_without_it_only_superusers_switch() -> None:
    assert Config().switching is Switching.SUPERUSERS


@pytest.mark.parametrize("value", list(Switching))
def test_both_words_are_taken(value: Switching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITEWIRE_SWITCHING", value.value)
    assert Config(**checked.knobs()).switching is value


@pytest.mark.parametrize("value", ["everyone", "Operators", "", "operators,superusers"])
def test_anything_else_is_refused_with_the_words_that_work(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITEWIRE_SWITCHING", value)
    with pytest.raises(
        ImproperlyConfigured, match=r"SITEWIRE_SWITCHING=.* Use one of: superusers, operators"
    ):
        checked.knobs()
