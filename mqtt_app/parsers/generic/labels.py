"""Names for the objects of an array: by a text that tells them apart, or by their place."""

from typing import Any

from mqtt_app.domain.word_lists import words

LONGEST = 60  # characters of a label; longer text is a message, not a name

# In the order in which they are preferred; numbers count only under the second group.
_TEXTS = words(
    "phase channel name label metric measurement parameter param quantity sensor"
    " measurand value_type valuetype obis path property observedproperty sensortype tagname"
    " signal variable point pointname type kind key id code port address addr location"
    " position n tag flag"
)
_NUMBERS = words("phase channel ch id index idx port slot number no nr num address addr")
_DATA_TYPES = frozenset(
    words("float double int integer uint int16 int32 uint16 string str text bool boolean number")
)
_KINDS = frozenset(
    words(
        "metric measurand value_type valuetype obis path property observedproperty measurement"
        " parameter param quantity sensor sensortype tagname signal variable point pointname"
        " type kind key"
    )
)
_KINDS_AND_NAMES = _KINDS | {"name"}
_MEASURED = words("measurand metric measurement parameter param quantity type kind name")
_WHERE = words("phase line channel zone")
PAIR_KEYS = frozenset((*_MEASURED, *_WHERE))
_KEYS = tuple(dict.fromkeys((*_TEXTS, *_NUMBERS)))


def label_of(record: dict[str, Any], key: str) -> str:
    """The label under the key; "" when what is there is none."""
    value = record.get(key)
    if isinstance(value, str):
        text = value.strip()
        is_label = 0 < len(text) <= LONGEST and text.casefold() not in _DATA_TYPES
        if is_label and key.lower() in _TEXTS:
            return text
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        if key.lower() in _NUMBERS and abs(value) < 1e9:
            return str(value)
        return ""
    return ""


def is_pair(record: dict[str, Any]) -> bool:
    """Whether the record has a phase and what is measured there; a measurand needs no phase."""
    return "measurand" in record or (
        bool(_text_of(record, "phase")) and any(_text_of(record, key) for key in _MEASURED)
    )


def pair_label(record: dict[str, Any]) -> str:
    """What is measured and on which phase or at which place, as OCPP's `sampledValue` has it:
    `Voltage.L1`; "" when the record does not say what is measured.
    """
    what = next((text for key in _MEASURED if (text := _text_of(record, key))), "")
    parts = [what, *(text for key in _WHERE if (text := _text_of(record, key)))]
    if what:
        return ".".join(parts)
    return ""


def _text_of(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    if isinstance(value, str) and len(value) <= LONGEST:
        return value.strip()
    return ""


def label_keys(record: dict[str, Any]) -> list[str]:
    """The keys of the record that label it, the preferred one first, texts before numbers."""
    ranks = {key: _KEYS.index(key.lower()) for key in record if key.lower() in _KEYS}
    keys = [key for key in ranks if label_of(record, key)]
    return sorted(keys, key=lambda key: (isinstance(record[key], int), ranks[key]))


def kind_key(record: dict[str, Any], with_name: bool = False) -> str:
    """The key of a text that says what a value beside it is: `{"type": "humidity", "value": 40}`;
    "" for none. A `name` is one only `with_name`: where the topic has no better one.
    """
    if with_name:
        listed = _KINDS_AND_NAMES
    else:
        listed = _KINDS
    kinds = (key for key in label_keys(record) if key.lower() in listed)
    return next((key for key in kinds if isinstance(record[key], str)), "")
