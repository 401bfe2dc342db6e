"""A parser that an operator describes by paths instead of code."""
