"""The Lua scripts, limited to the commands of Redis 6.2. Each is atomic and safe to send twice."""

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "lua"


@cache
def source(name: str) -> str:
    """Text of lua/<name>.lua."""
    return (_FOLDER / f"{name}.lua").read_text(encoding="utf-8")
