"""Small faults of the kind that people make, as values: where, what, and the source with it. Pure.

Python is changed at the places that its syntax tree names, SQL within string literals and Lua word
by word.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.In: (" in ", " not in "),
    ast.NotIn: (" not in ", " in "),
    ast.Is: (" is ", " is not "),
    ast.IsNot: (" is not ", " is "),
}
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
}
WORDS = (
    (r"\bAND\b", "OR"),
    (r"\bOR\b", "AND"),
    (r"\bIS NOT NULL\b", "IS NULL"),
    (r"\bIS NULL\b", "IS NOT NULL"),
    (r"\bLEAST\b", "GREATEST"),
    (r"\bGREATEST\b", "LEAST"),
    (r"\bDESC\b", "ASC"),
    (r"(?<![<>=!])<(?![<>=@])", ">"),
    (r"(?<![<>=!\-])>(?![<>=])", "<"),
    (r" \+ ", " - "),
    (r"\bnot\b", ""),
    (r"\band\b", "or"),
    (r"~=", "=="),
)
LOGGERS = {"log", "logger", "_log", "_logger"}
UNOBSERVABLE: dict[type[ast.AST], tuple[str, ...]] = {
    ast.FunctionDef: ("returns", "decorator_list"),
    ast.AsyncFunctionDef: ("returns", "decorator_list"),
    ast.ClassDef: ("decorator_list",),
    ast.arg: ("annotation",),
    ast.AnnAssign: ("annotation",),
    ast.JoinedStr: ("values",),  # the wording of a message to people, and where it is cut
}
SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|WHERE|ON CONFLICT)\b")
COMMENT = re.compile(r"--[^\n]*")  # in SQL and Lua


@dataclass(frozen=True, slots=True)
class Fault:
    """`source` is the whole file with the fault in it; `line` counts from 1."""

    line: int
    what: str
    source: str
    is_sql: bool = False


def python_faults(source: str) -> list[Fault]:
    """Every fault that this module knows for one file of Python, in code that a test can observe."""
    text = _Text(source)
    return [fault for node in _observable(ast.parse(source)) for fault in _faults_at(node, text)]


def lua_faults(source: str) -> list[Fault]:
    text = _Text(source)
    return list(_word_faults(text, 0, len(source), is_sql=False))


class _Text:
    def __init__(self, source: str) -> None:
        self.source = source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._lines = source.splitlines()

    def place(self, line: int, column: int) -> int:
        """Offset of a place that the syntax tree gives in bytes of UTF-8."""
        before = self._lines[line - 1].encode()[:column].decode(errors="ignore")
        return self._starts[line - 1] + len(before)

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self.place(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        return self.place(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def replaced(self, start: int, end: int, text: str, *, is_sql: bool = False) -> Fault:
        line = self.source.count("\n", 0, start) + 1
        before = " ".join(self.source[start:end].split())[:60]
        what = f"{before!r} -> {text.strip()!r}"
        return Fault(line, what, self.source[:start] + text + self.source[end:], is_sql)


def _observable(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all below it, without what no test can see the effect of."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in UNOBSERVABLE.get(type(node), ()):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_unobservable(child):
                yield from _observable(child)


def _is_unobservable(node: ast.AST) -> bool:
    """A docstring, a line for the log, a check of lengths that never differ, a class that is no
    longer frozen.
    """
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        called = node.value.func
        return isinstance(called, ast.Attribute) and ast.unparse(called.value) in LOGGERS
    return isinstance(node, ast.keyword) and node.arg in {
        "strict",
        "frozen",
        "slots",
        "gc",
        "kw_only",
    }


def _faults_at(node: ast.AST, text: _Text) -> Iterator[Fault]:
    for kind, planter in PLANTERS.items():
        if isinstance(node, kind):
            yield from planter(node, text)


def _turn_comparison(node: ast.Compare, text: _Text) -> Iterator[Fault]:
    left: ast.expr = node.left
    for operator, right in zip(node.ops, node.comparators, strict=True):
        yield from _swap(text, text.end(left), text.start(right), COMPARISONS[type(operator)])
        left = right


def _turn_arithmetic(node: ast.BinOp, text: _Text) -> Iterator[Fault]:
    if type(node.op) in ARITHMETIC:
        between = (text.end(node.left), text.start(node.right))
        yield from _swap(text, *between, ARITHMETIC[type(node.op)])


def _turn_boolean(node: ast.BoolOp, text: _Text) -> Iterator[Fault]:
    swap = (" and ", " or ") if isinstance(node.op, ast.And) else (" or ", " and ")
    yield from _swap(text, text.end(node.values[0]), text.start(node.values[1]), swap)


def _drop_not(node: ast.UnaryOp, text: _Text) -> Iterator[Fault]:
    if isinstance(node.op, ast.Not):
        yield text.replaced(text.start(node), text.start(node.operand), "")


def _move_constant(node: ast.Constant, text: _Text) -> Iterator[Fault]:
    value = node.value
    if isinstance(value, bool):
        yield text.replaced(text.start(node), text.end(node), str(not value))
    elif isinstance(value, int | float):
        moved = value + 1 if isinstance(value, int) else value * 2 + 1
        yield text.replaced(text.start(node), text.end(node), repr(moved))
    elif isinstance(value, str):
        yield from _turn_sql(node, text)


def _turn_sql(node: ast.Constant | ast.JoinedStr, text: _Text) -> Iterator[Fault]:
    start, end = text.start(node), text.end(node)
    if SQL.search(text.source, start, end):
        yield from _word_faults(text, start, end, is_sql=True)


def _delete_statement(node: ast.stmt, text: _Text) -> Iterator[Fault]:
    """A call whose value nobody uses, or a change of something that exists already."""
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    if isinstance(target, ast.Name | ast.Tuple):
        return
    yield text.replaced(text.start(node), text.end(node), "pass")


def _swap(text: _Text, start: int, end: int, words: tuple[str, str]) -> Iterator[Fault]:
    old, new = words
    place = text.source.find(old.strip(), start, end)
    if place >= 0:
        yield text.replaced(place, place + len(old.strip()), new.strip())


def _word_faults(text: _Text, start: int, end: int, *, is_sql: bool) -> Iterator[Fault]:
    comments = [found.span() for found in COMMENT.finditer(text.source, start, end)]
    for pattern, other in WORDS:
        for found in re.compile(pattern).finditer(text.source, start, end):
            if not any(first <= found.start() < last for first, last in comments):
                yield text.replaced(found.start(), found.end(), other, is_sql=is_sql)


PLANTERS: dict[type[ast.AST] | tuple[type[ast.AST], ...], Callable[..., Iterator[Fault]]] = {
    ast.Compare: _turn_comparison,
    ast.BinOp: _turn_arithmetic,
    ast.BoolOp: _turn_boolean,
    ast.UnaryOp: _drop_not,
    ast.Constant: _move_constant,
    ast.JoinedStr: _turn_sql,
    (ast.Expr, ast.AugAssign, ast.Assign): _delete_statement,
}
