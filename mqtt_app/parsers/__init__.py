"""Parsers are plug-ins: a message in, facts or a ParseError out.

See `base` for the shape and `registry` for who is asked.
"""
