"""What can become of a message is one list; the table, the API and the pages derive from it."""

from mqtt_app.api.serializers.status import MessageAccountingSerializer
from mqtt_app.domain.accounting import MEANINGS, REPLAYABLE, SUMS, TERMS, Term, replayed_column
from mqtt_app.models import SiteBooks
from mqtt_app.selectors.status.facets import MessageAccounting
from mqtt_app.services.accounting import AccountingEntry, AccountingTally


def test_every_term_is_a_column_and_no_count_is_a_term_of_its_own() -> None:
    others = {"site", "dropped", "kept_bytes", "last_message_at", "fields_left_out"}
    others |= {replayed_column(term) for term in REPLAYABLE}
    columns = {field.name for field in SiteBooks._meta.concrete_fields}
    assert columns - others == set(SUMS)


def test_every_term_is_explained_and_in_the_api() -> None:
    assert set(MEANINGS) == set(TERMS)
    shown = MessageAccountingSerializer(MessageAccounting()).data
    assert list(shown) == ["received", *TERMS, "dropped", "readings", "balanced"]


def test_received_is_the_sum_of_every_term_and_of_what_was_dropped() -> None:
    entry = AccountingEntry(terms=dict.fromkeys(TERMS, 2), dropped={"a": 3, "b": 4}, readings=50)
    assert entry.received == 2 * len(TERMS) + 7


def test_accounting_is_balanced_only_when_it_adds_up() -> None:
    terms = dict.fromkeys(TERMS, 1)
    received = len(TERMS) + 5
    assert MessageAccounting(received=received, terms=terms, dropped={"a": 5}).balanced
    assert not MessageAccounting(received=received + 1, terms=terms, dropped={"a": 5}).balanced


def test_a_part_that_is_accepted_is_added_whole() -> None:
    whole = AccountingTally()
    whole.add(1, Term.STORED, 2)
    part = AccountingTally()
    part.add(1, Term.STORED)
    part.add(2, Term.FAILED)
    part.keep(1, 3, 300)
    part.drop(2, "topic_quota", 4)
    part.add_readings({2: 5})
    part.discovered[2] = 6
    whole.merge(part)
    assert whole.entries[1].sums() == [6, 3, 0, 0, 0, 0, 0, 3, 300, 0, 0, 0, 0]
    assert whole.entries[2].sums() == [5, 0, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0]
    assert whole.entries[2].dropped == {"topic_quota": 4}
    assert whole.discovered == {2: 6}


def test_what_leaves_failed_and_quarantined_is_counted_apart() -> None:
    tally = AccountingTally()
    tally.add(1, Term.FAILED, -2)
    tally.add(1, Term.QUARANTINED, 3)
    tally.keep(1, 2, 10)
    assert tally.entries[1].sums()[-2:] == [2, 0]
