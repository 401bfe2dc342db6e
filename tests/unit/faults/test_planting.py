"""Planted faults are real changes at the named line, in code that still reads as Python."""

import ast

import pytest

from tests.faults.planting import lua_faults, python_faults

SOURCE = '''"""Docs."""
LIMIT = 10
QUERY = "SELECT id FROM t WHERE a < 1 AND b IS NULL"


def f(x, y):
    if x < LIMIT and not y:
        x.append(1)
    return x in y or x + 1
'''


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (2, "'10' -> '11'"),
        (3, "'AND' -> 'OR'"),
        (3, "'IS NULL' -> 'IS NOT NULL'"),
        (7, "'<' -> '<='"),
        (7, "'and' -> 'or'"),
        (7, "'not' -> ''"),
        (8, "'x.append(1)' -> 'pass'"),
        (9, "'in' -> 'not in'"),
        (9, "'+' -> '-'"),
    ],
)
def test_each_kind_of_fault_is_planted_where_it_says(line: int, what: str) -> None:
    planted = {(fault.line, fault.what) for fault in python_faults(SOURCE)}
    assert (line, what) in planted


def test_every_fault_changes_the_file_and_leaves_it_readable() -> None:
    for fault in python_faults(SOURCE):
        assert fault.source != SOURCE
        ast.parse(fault.source)


def test_a_docstring_is_no_statement_to_delete() -> None:
    assert all("Docs" in fault.source for fault in python_faults(SOURCE))


def test_a_script_of_redis_has_faults_too() -> None:
    planted = [fault.what for fault in lua_faults("if a ~= b and c > 1 then return 0 end")]
    assert "'~=' -> '=='" in planted
    assert "'and' -> 'or'" in planted
