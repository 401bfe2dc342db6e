"""Whose fault an exception is that came up while messages were stored, and how to say it."""

import struct

import psycopg
from django.db import DataError, Error, InterfaceError

from mqtt_app.domain.delivery.faults import Fault, fault_of_code
from mqtt_app.domain.facts import ParseError, ParseErrorKind
from mqtt_app.domain.ingest.samples import storable

MAX_REASON = 500  # characters

# What psycopg and our own packing of columns raise for a value that no column can hold, before it
# is sent.
_UNADAPTABLE = (ValueError, OverflowError, struct.error, psycopg.DataError)


class StaleError(Exception):
    """Rows change again and again while a batch is stored."""


def fault_of(error: BaseException) -> Fault:
    if isinstance(error, StaleError):
        return Fault.CONFLICT
    if isinstance(error, Error):
        return _of_database(error)
    if isinstance(error, _UNADAPTABLE):
        return Fault.CONTENT
    return Fault.UNKNOWN


def _of_database(error: Error) -> Fault:
    if isinstance(error, InterfaceError):
        return Fault.AWAY
    cause = error.__cause__
    if isinstance(cause, psycopg.errors.PipelineAborted):
        return Fault.UNKNOWN
    code = getattr(cause, "sqlstate", None)
    if code is None and isinstance(error, DataError):  # psycopg refused a value before it was sent
        return Fault.CONTENT
    if code is None and not isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return Fault.UNKNOWN
    return fault_of_code(code)


def as_parse_error(error: Exception) -> ParseError:
    """What the logs and the dead letter say of a message that was refused."""
    text = f"{error}".strip().partition("\n")[0] or type(error).__name__
    if isinstance(error, (Error, *_UNADAPTABLE)):
        found = ParseError(
            ParseErrorKind.DB, storable(f"the database refused it: {text}")[:MAX_REASON]
        )
    else:
        reason = f"storing it failed: {type(error).__name__}: {text}"
        found = ParseError(ParseErrorKind.UNKNOWN, storable(reason)[:MAX_REASON])
    found.__cause__ = error
    return found
