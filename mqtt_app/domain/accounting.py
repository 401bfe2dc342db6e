"""What can become of a message. The one list of it: columns, sums, API and pages derive from it."""

from enum import StrEnum


class Term(StrEnum):
    """`received` is the sum of these and of what was dropped, by reason. The values are columns of
    mqtt_sitebooks.
    """

    STORED = "stored"
    DUPLICATE = "duplicate"
    INACTIVE = "inactive"
    UNPROCESSABLE = "unprocessable"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    KEPT = "kept"


MEANINGS = {
    Term.STORED: "Parsed; it may hold no reading.",
    Term.DUPLICATE: "Delivered again, and stored before.",
    Term.INACTIVE: "Its topic is switched off.",
    Term.UNPROCESSABLE: "No parser recognises its topic.",
    Term.FAILED: "Its parser made nothing of it.",
    Term.QUARANTINED: "A dead letter: it killed its parser, or the database refused it.",
    Term.KEPT: "A dead letter: it waits raw until its parser works again.",
}
TERMS = tuple(Term)
SUMS = ("received", *TERMS, "readings")
"""Numbers of a site. `readings` counts values, of which one message may hold many."""

REPLAYABLE = (Term.FAILED, Term.QUARANTINED)
"""What a replay moves messages out of. How many is counted apart, so that counters never fall."""


def replayed_column(term: Term) -> str:
    """The column of mqtt_sitebooks with what was replayed of this term."""
    return f"replayed_{term.value}"
