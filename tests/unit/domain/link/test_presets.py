"""Each preset is a form that can be sent as it is, once host and credentials are filled in."""

import pytest

from mqtt_app.domain.link.hosts import validate_host
from mqtt_app.domain.link.presets import PRESETS, BrokerPreset
from mqtt_app.domain.topics import validate_filter


def key(preset: BrokerPreset) -> str:
    return preset.key


@pytest.mark.parametrize("preset", PRESETS, ids=key)
def test_a_preset_has_a_host_filters_and_words(preset: BrokerPreset) -> None:
    validate_host(preset.host)
    for topic_filter in preset.filters:
        validate_filter(topic_filter)
    assert preset.help.endswith(".")
    assert preset.use_tls is (preset.port == 8883)
    assert preset.protocol_version in {"auto", "5", "3.1.1"}


def test_keys_are_unique() -> None:
    assert len(set(map(key, PRESETS))) == len(PRESETS)
