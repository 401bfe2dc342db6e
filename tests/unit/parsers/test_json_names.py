"""JSON of no known family: names of metrics, units, what is said about devices, limits."""

import json
from typing import Any

import pytest

from mqtt_app.domain.facts import DeviceDescription
from tests.narrowing import readings
from tests.unit.parsers.read_messages import NOW, error, facts, values

# JSON: names of metrics


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ([1, [2, {"x": 3}]], {"m.0": 1.0, "m.1.0": 2.0, "m.1.1.x": 3.0}),
        ([{"v": 1}, 5], {"0.v": 1.0, "1": 5.0}),
        ([{"v": 1}, {"v": 2}], {"0.v": 1.0, "1.v": 2.0}),
        ([{"temp": 1}, {"hum": 2}], {"temp": 1.0, "hum": 2.0}),
        ([{"v": 1}], {"v": 1.0}),
        ({"v": [1]}, {"v": 1.0}),
        ({"v": [[1]]}, {"v": 1.0}),
        ({"v": [{"w": 1}]}, {"v.w": 1.0}),
        ({"": 1, "b": {"": 2}, "n": None}, {"_": 1.0, "b._": 2.0}),
        ({"": 1, "_": 2}, {"_": 1.0, "_#2": 2.0}),
        ({"a": {"b": 2}, "a.b": 1}, {"a.b": 2.0, "a.b#2": 1.0}),
        ({"a": {"b": 2}, "a.b": 1, "a.b#2": 3}, {"a.b": 2.0, "a.b#2": 1.0, "a.b#2#2": 3.0}),
        ({"p": [{"phase": "L1", "w": 1}]}, {"p.L1.w": 1.0}),
        ({"p": [{"id": 7, "w": 1}, {"id": 9, "w": 2}]}, {"p.7.w": 1.0, "p.9.w": 2.0}),
        (
            {"p": [{"id": 7, "w": 1}, {"id": 7, "w": 2}]},
            {"p.0.id": 7.0, "p.0.w": 1.0, "p.1.id": 7.0, "p.1.w": 2.0},
        ),
        (
            [{"type": "temp", "value": 1}, {"type": "hum", "value": 2}],
            {"temp": 1.0, "hum": 2.0},
        ),
        ({"type": "temp", "value": 1}, {"temp": 1.0}),
        ({"phase": "L2", "w": 1}, {"L2.w": 1.0}),
        ({"t": {"value": 1, "min": 0}}, {"t": 1.0, "t.min": 0.0}),
        ({"value": 1, "battery": 2}, {"value": 1.0, "battery": 2.0}),
        ({"value": {"x": 1}}, {"value.x": 1.0}),
    ],
)
def test_names_of_metrics_are_distinct_and_stable(
    payload: object,
    expected: dict[str, float],
) -> None:
    assert values("json", "d/m", payload) == expected


@pytest.mark.parametrize(
    "payload",
    [-812, [-812], {"value": -812}, {"Value": [-812], "ts": 1_700_000_000}, {"val": -812}],
)
def test_a_value_at_a_leaf_is_a_metric_of_what_is_above_it(
    payload: object,
) -> None:
    raw = json.dumps(payload).encode()
    (found,) = readings(facts("json", "N/aa/grid/30/Ac/L1/Power", raw))
    assert (found.device, found.metric, found.value) == ("N/aa/grid/30/Ac/L1", "Power", -812.0)


@pytest.mark.parametrize("count", [10_000, 100_000])
def test_an_array_of_many_records_is_read_whole(count: int) -> None:
    payload = b"[" + b",".join([b'{"v":1}'] * count) + b"]"
    assert len(facts("json", "a", payload)) == count


def test_more_values_than_a_message_may_hold_are_refused() -> None:
    payload = b"[" + b",".join([b"1"] * 100_001) + b"]"
    assert "100,000" in str(error("json", "a", payload))
    lines = b'{"v":1}\n' * 100_001
    assert "100,000" in str(error("json", "a", lines))


def test_documents_one_after_the_other_are_records_in_their_order() -> None:
    found = readings(facts("json", "a", b'{"v":1}\n{"v":2}\r\n\n{"v":3}'))
    assert [fact.value for fact in found] == [1.0, 2.0, 3.0]
    assert [fact.metric for fact in found] == ["v", "v", "v"]
    times = [NOW if fact.time is None else fact.time for fact in found]
    assert times == sorted(set(times))
    assert times[0] > NOW - 0.001


def test_what_a_record_says_about_its_device_is_no_reading() -> None:
    record = {"name": "Pump", "manufacturer": "Acme", "model": "P1", "fw": "1.2.3", "v": 1}
    about, *rest = facts("json", "a", record)
    (found,) = readings(rest)
    assert about == DeviceDescription(
        device="a", name="Pump", manufacturer="Acme", model="P1", software="1.2.3"
    )
    assert found.metric == "v"


@pytest.mark.parametrize(
    ("metric", "diagnostic"),
    [
        ("rssi", True),
        ("RSSI", True),
        ("wifi_rssi", True),
        ("snr", True),
        ("linkquality", True),
        ("lqi", True),
        ("uptime", True),
        ("uptime_s", True),
        ("fCnt", True),
        ("free_heap", True),
        ("battery", False),
        ("voltage", False),
        ("counter", False),
        ("noise", False),
    ],
)
def test_numbers_about_the_device_are_apart_from_measurements(
    metric: str, diagnostic: bool
) -> None:
    for record in ({metric: 1}, {"x": {metric: 1}}):
        assert readings(facts("json", "a", record))[0].diagnostic is diagnostic


@pytest.mark.parametrize(
    ("record", "unit"),
    [
        ({"value": 1.6, "unit": "kW"}, "kW"),
        ({"value": "1.6 kW"}, "kW"),
        ({"value": 1.6, "unit_of_measurement": "furlong"}, "furlong"),
        ({"value": 1.6, "uom": "mW"}, "mW"),
        ({"power": 1.6, "unit": "MW"}, "MW"),
        ({"power": 1.6, "power_unit": "W"}, "W"),
        ({"power": {"value": 1.6, "unit": "kW"}}, "kW"),
        ({"units": {"power": "kW"}, "power": 1.6}, "kW"),
        ({"power": 1.6, "unit": "second floor"}, ""),
        ({"power": {"v": 1.6, "u": "kW"}}, "kW"),
        ({"power_kw": 1.6}, "kW"),
        ({"outTemp_C": 1.6}, "°C"),
        ({"batteryVoltage_mv": 1.6}, "mV"),
        ({"phase_a": 1.6}, ""),
        ({"zone_c": 1.6}, ""),
        ({"power_min": 1.6}, ""),
    ],
)
def test_units_are_taken_as_they_were_written(record: dict[str, Any], unit: str) -> None:
    assert readings(facts("json", "a/b", record))[0].unit == unit
