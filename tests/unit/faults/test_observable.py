"""A fault that no test can notice is not planted, and the tests nearest to a fault are known by
imports.
"""

from pathlib import Path

import pytest

from tests.faults.nearness import FAR, Nearness
from tests.faults.planting import lua_faults, python_faults


def planted(source: str) -> set[str]:
    return {fault.what for fault in python_faults(source)}


@pytest.mark.parametrize(
    "source",
    [
        '"""SELECT 1 WHERE a AND b."""',
        'def f(x: "a < 1", y: Lit[3]) -> Lit[4]: ...',
        "x: Lit[3]",
        "@cache(maxsize=7)\ndef f(): ...",
        "class A(Struct, frozen=True, gc=False): ...",
        "@dataclass(slots=True)\nclass A: ...",
        "x = zip(a, b, strict=True)",
        'log.info("a %d", 5)',
        'print.x = f"{text[:60]}"',
    ],
)
def test_what_nobody_can_see_is_left_as_it_is(source: str) -> None:
    assert planted(source) <= {"'print.x = f\"{text[:60]}\"' -> 'pass'"}


def test_sql_is_changed_where_it_is_a_statement_and_not_in_its_comments() -> None:
    found = python_faults(
        'Q = f"""\nUPDATE t SET a = 1 -- this AND that\nWHERE a = 1 AND {more}\n"""'
    )
    assert [(fault.line, fault.what, fault.is_sql) for fault in found] == [
        (3, "'AND' -> 'OR'", True)
    ]
    assert lua_faults("-- this and that\nreturn 1") == []


@pytest.fixture
def house(tmp_path: Path) -> Nearness:
    files = {
        "mqtt_app/domain/rule.py": "",
        "mqtt_app/services/writer.py": "from mqtt_app.domain import rule",
        "mqtt_app/coordination/store.py": "",
        "mqtt_app/coordination/lua/x.lua": "return 1",
        "tests/unit/test_rule.py": "import mqtt_app.domain.rule",
        "tests/unit/test_writer.py": "from mqtt_app.services.writer import write",
        "tests/unit/test_store.py": "from mqtt_app.coordination.store import Store",
        "tests/unit/helper.py": "import mqtt_app.domain.rule",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return Nearness(tmp_path)


def near(house: Nearness, path: str) -> dict[str, int]:
    return {file.name: distance for file, distance in house.distances(Path(path)).items()}


def test_tests_are_as_near_as_their_imports_are_few(house: Nearness) -> None:
    found = near(house, "mqtt_app/domain/rule.py")
    assert found == {"test_rule.py": 1, "test_writer.py": 2, "test_store.py": FAR}


def test_a_script_is_as_near_as_the_modules_that_read_it(house: Nearness) -> None:
    found = near(house, "mqtt_app/coordination/lua/x.lua")
    assert found == {"test_rule.py": FAR, "test_writer.py": FAR, "test_store.py": 1}
