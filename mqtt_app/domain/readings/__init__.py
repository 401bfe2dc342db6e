"""Readings as series: how they are summed up over time."""
