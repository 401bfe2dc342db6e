"""Tests of connections that people ask for, before and after saving: `requests` begins them, `run`
works one off.
"""
