"""Lists of words written as text, for tables that are read more easily without quotes."""


def words(text: str) -> tuple[str, ...]:
    """The words between blanks, in their order."""
    return tuple(text.split())
