"""A site of which no more may be kept for its failing parser."""

import pytest

from mqtt_app.coordination.acks import BatchReport
from mqtt_app.models import MqttConnection, Site, SiteBooks
from mqtt_app.selectors.receipts import find_receipts
from mqtt_app.services.ingest import pipeline
from tests.integration.ingest.flaky import Flaky, numbered, send
from tests.integration.ingest.test_store import NOW, batch, books, message

pytestmark = pytest.mark.django_db


def fill_up() -> None:
    """As if the site kept as much as it may."""
    SiteBooks.objects.update(kept=1_000_000, received=1_000_000)


def test_past_the_cap_a_site_whose_parser_fails_on_everything_is_left_to_its_broker(
    link: MqttConnection, parser: Flaky
) -> None:
    other = MqttConnection.objects.create(
        site=Site.objects.create(name="Other"), broker_host="b", generation=3
    )
    parser.broken = True
    send(link, range(250))
    fill_up()
    mixed = batch(*numbered(link, range(250, 260)), message(other, "noise", {"bad": 1}))
    assert pipeline.store(mixed, NOW + 1) == pipeline.Outcome(postponed=frozenset({link.pk}))
    assert pipeline.store(mixed, NOW + 1) == pipeline.Outcome(
        repeated=True, postponed=frozenset({link.pk})
    )
    assert find_receipts([mixed.id]) == {BatchReport(mixed.id, postponed=frozenset({link.pk}))}
    assert SiteBooks.objects.get(site=link.site_id).received == 1_000_000
    assert books(other) == {"failed": 1}
    parser.broken = False
    send(link, range(250, 260), NOW + 2)
    assert SiteBooks.objects.get(site=link.site_id).stored == 10


def test_past_the_cap_a_site_whose_parser_works_in_part_goes_on(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    send(link, range(250))
    fill_up()
    parser.broken = False
    pipeline.store(
        batch(*numbered(link, range(3)), *(message(link, "hall/a", {"bad": n}) for n in range(10))),
        NOW + 1,
    )
    row = SiteBooks.objects.get()
    assert (row.kept, row.failed, row.stored) == (1_000_000, 10, 3)


def test_a_single_bad_message_does_not_hold_up_a_full_site_whose_parser_has_long_worked_in_part(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    send(link, range(250))
    parser.broken = False
    send(link, range(1), NOW + 900)
    fill_up()
    bad = batch(message(link, "hall/a", {"bad": 1}))
    assert pipeline.store(bad, NOW + 1_000).postponed == frozenset()
    bad = batch(message(link, "hall/a", {"bad": 1}))
    assert pipeline.store(bad, NOW + 9_000).postponed == {link.pk}


def test_a_parser_that_worked_for_a_moment_after_the_pause_loses_nothing_at_the_cap(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    send(link, range(250))
    parser.broken = False
    send(link, range(250, 251), NOW + 1)
    parser.broken = True
    fill_up()
    assert pipeline.store(batch(*numbered(link, range(251, 260))), NOW + 2).postponed == {link.pk}
    assert SiteBooks.objects.get().failed == 0
