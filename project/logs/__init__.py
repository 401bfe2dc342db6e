"""The log of every process: its format, and repeated lines counted."""
