"""Keys of a discovery message in their long form, and `~` in topics replaced.

Source: "Supported abbreviations" in https://www.home-assistant.io/integrations/mqtt/.
"""

from typing import Any

LONG = {
    "act_t": "action_topic",
    "act_tpl": "action_template",
    "avty": "availability",
    "avty_t": "availability_topic",
    "bri_stat_t": "brightness_state_topic",
    "bri_val_tpl": "brightness_value_template",
    "cmps": "components",
    "curr_hum_t": "current_humidity_topic",
    "curr_hum_tpl": "current_humidity_template",
    "curr_temp_t": "current_temperature_topic",
    "curr_temp_tpl": "current_temperature_template",
    "dev": "device",
    "dev_cla": "device_class",
    "ent_cat": "entity_category",
    "exp_aft": "expire_after",
    "fan_mode_stat_t": "fan_mode_state_topic",
    "fan_mode_stat_tpl": "fan_mode_state_template",
    "hum_stat_t": "target_humidity_state_topic",
    "hum_state_tpl": "target_humidity_state_template",
    "mode_stat_t": "mode_state_topic",
    "mode_stat_tpl": "mode_state_template",
    "p": "platform",
    "pct_stat_t": "percentage_state_topic",
    "pct_val_tpl": "percentage_value_template",
    "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available",
    "pos_t": "position_topic",
    "pos_tpl": "position_template",
    "pos": "position",
    "stat_t": "state_topic",
    "stat_val_tpl": "state_value_template",
    "temp_stat_t": "temperature_state_topic",
    "temp_stat_tpl": "temperature_state_template",
    "temp_unit": "temperature_unit",
    "tilt_status_t": "tilt_status_topic",
    "tilt_status_tpl": "tilt_status_template",
    "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement",
    "val_tpl": "value_template",
}
LONG_OF_DEVICE = {"mf": "manufacturer", "mdl": "model", "sw": "sw_version"}
LONG_OF_AVAILABILITY = {**LONG, "t": "topic"}
BASE = "~"


def long_keys(config: dict[str, Any], names: dict[str, str] = LONG) -> dict[str, Any]:
    """A long key wins when both are there."""
    spelled = {names.get(key, key): value for key, value in config.items()}
    return spelled | {key: value for key, value in config.items() if key in names.values()}


def with_base(config: dict[str, Any]) -> dict[str, Any]:
    """Every text with `~` at its beginning or end with the base topic in its place."""
    base = config.get(BASE)
    if not isinstance(base, str):
        return config
    return {key: _replaced(value, base) for key, value in config.items() if key != BASE}


def _replaced(value: Any, base: str) -> Any:
    if isinstance(value, list):
        return [
            with_base({**entry, BASE: base}) if isinstance(entry, dict) else entry
            for entry in value
        ]
    if not isinstance(value, str):
        return value
    if value.startswith(BASE):
        value = base + value[1:]
    if value.endswith(BASE):
        return value[:-1] + base
    return value
