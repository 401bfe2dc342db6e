"""Readings summed up by hour and day, behind their being stored: the only writer of rollups."""
