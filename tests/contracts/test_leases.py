from mqtt_app.coordination.leases import Lease, Renewal
from tests.contracts.conftest import TTL, Shop

FIRST = Lease("mqtt-1", "first", capacity=10, started_at=1.0)
SECOND = Lease("mqtt-1", "second", capacity=20, started_at=2.0)
OTHER = Lease("mqtt-2", "other", capacity=5, draining=True)


def test_only_one_incarnation_holds_an_instance_id(shop: Shop) -> None:
    assert shop.store.acquire(FIRST)
    assert not shop.store.acquire(SECOND)
    assert shop.store.read("mqtt-1").incarnation == "first"


def test_asking_twice_is_the_same_as_asking_once(shop: Shop) -> None:
    assert shop.store.acquire(FIRST)
    assert shop.store.acquire(FIRST)
    assert shop.store.release(FIRST)
    assert not shop.store.release(FIRST)


def test_a_lease_runs_out_unless_it_is_renewed(shop: Shop) -> None:
    shop.store.acquire(FIRST)
    shop.let_pass(TTL * 0.6)
    assert shop.store.renew(FIRST) is Renewal.HELD
    shop.let_pass(TTL * 0.6)
    assert "mqtt-1" in shop.store.read_all()
    shop.let_pass(TTL * 0.6)
    assert shop.store.read_all() == {}
    assert shop.store.acquire(SECOND)


def test_a_lease_that_vanished_is_asserted_again(shop: Shop) -> None:
    shop.store.acquire(FIRST)
    shop.wipe()
    assert shop.store.renew(FIRST) is Renewal.ASSERTED
    assert shop.store.renew(FIRST) is Renewal.HELD


def test_a_lease_that_another_took_is_lost_and_stays_untouched(shop: Shop) -> None:
    shop.store.acquire(FIRST)
    shop.wipe()
    shop.store.acquire(SECOND)
    assert shop.store.renew(FIRST) is Renewal.LOST
    assert not shop.store.release(FIRST)
    assert shop.store.read("mqtt-1").incarnation == "second"


def test_the_lease_of_a_process_known_to_be_dead_is_taken_over_at_once(shop: Shop) -> None:
    shop.store.acquire(FIRST)
    assert not shop.store.acquire(SECOND, instead_of="somebody else")
    assert shop.store.acquire(SECOND, instead_of="first")


def test_everyone_alive_is_read_with_what_they_said(shop: Shop) -> None:
    shop.store.acquire(FIRST)
    shop.store.acquire(OTHER)
    found = shop.store.read_all()
    assert set(found) == {"mqtt-1", "mqtt-2"}
    assert (found["mqtt-1"].capacity, found["mqtt-1"].started_at) == (10, 1.0)
    assert found["mqtt-2"].draining
    assert found["mqtt-2"].renewed_at > 0


def test_after_a_wipe_it_is_known_that_little_is_known(shop: Shop) -> None:
    shop.store.acquire(FIRST)
    shop.let_pass(0.3)
    shop.wipe()
    assert shop.store.known_for() == 0
    shop.store.read_all()
    shop.let_pass(0.1)
    assert shop.store.known_for() < 0.3


def test_when_nobody_could_renew_the_missing_may_live_and_later_are_dead(shop: Shop) -> None:
    for lease in (FIRST, OTHER):
        shop.store.acquire(lease)
    shop.let_pass(TTL * 1.5)
    assert shop.store.read_all() == {}
    assert shop.store.known_for() < TTL
    shop.let_pass(TTL * 1.1)
    assert shop.store.read_all() == {}
    assert shop.store.known_for() > TTL


def test_the_first_who_renews_after_a_silence_does_not_make_the_others_dead(shop: Shop) -> None:
    for lease in (FIRST, OTHER):
        shop.store.acquire(lease)
    shop.let_pass(TTL * 1.5)
    assert shop.store.renew(FIRST) is Renewal.ASSERTED
    assert set(shop.store.read_all()) == {"mqtt-1"}
    assert shop.store.known_for() < TTL


def test_one_who_alone_falls_silent_is_missing_for_sure(shop: Shop) -> None:
    for lease in (FIRST, OTHER):
        shop.store.acquire(lease)
    for _ in range(4):
        shop.let_pass(TTL * 0.3)
        shop.store.renew(FIRST)
    assert set(shop.store.read_all()) == {"mqtt-1"}
    assert shop.store.known_for() > TTL
