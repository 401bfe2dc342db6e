"""What can become of a message. The one list of it: columns, sums, API and pages derive from it."""

from enum import StrEnum


class Term(StrEnum):
    """`received` is the sum of these and of what was dropped, by reason. The values are columns of
    mqtt_sitebooks.
    """

    STORED = "stored"
    DUPLICATE = "duplicate"  # a redelivery of what was stored before
    INACTIVE = "inactive"  # the operator switched its topic off
    UNPROCESSABLE = "unprocessable"  # no parser recognises its topic
    FAILED = "failed"  # its parser made nothing of it
    QUARANTINED = "quarantined"  # a dead letter: it killed its parser, or the database refused it
    KEPT = "kept"  # a dead letter: its parser is paused


TERMS = tuple(Term)
LABELS = {term: term.value.capitalize() for term in TERMS}
