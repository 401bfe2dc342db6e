"""Each limit of the pure rules, at the limit and one beyond it, in the numbers that a user would
meet.
"""

import math

import msgspec
import pytest

from mqtt_app.domain.dead_letters.parser_health import (
    Health,
    Rule,
    Window,
    extended,
    failing_everywhere,
    has_recovered,
    is_open,
    judged,
    passes,
    takes_part,
)
from mqtt_app.domain.delivery.broker_queue import lasts
from mqtt_app.domain.health.vitals import Vitals, complaint
from mqtt_app.domain.ingest import times
from mqtt_app.domain.link import grants, hosts, overlap, sweep
from mqtt_app.domain.link.overlap import Copies, Subscription, arrange, in_packets
from mqtt_app.domain.link.sweep import Sweep
from mqtt_app.domain.presence import PresenceVerdict, judge
from mqtt_app.domain.status.rates import Rates

# Times of devices


@pytest.mark.parametrize(
    ("number", "seconds"),
    [
        (99_999_999_999, 99_999_999_999.0),
        (100_000_000_000, 1e8),
        (99_999_999_999_999, 99_999_999_999.999),
        (10**14, 1e8),
        (10**17 - 1, 1e11),
        (10**17, 1e8),
        (10**20 - 1, 1e11),
        (10**20, None),
        (-100_000_000_000, -1e8),
        (-62_135_510_400, -62_135_510_400.0),
        (-62_135_510_401, None),
        ("12345678901234567890", 12_345_678_901.234568),
        ("123456789012345678901", None),
        ("1700000000.123456789012", 1_700_000_000.123456789),
        ("1700000000.1234567890123", None),
        ("+1700000000", 1_700_000_000.0),
        ("-1", -1.0),
        (False, None),
        (1, 1.0),
    ],
)
def test_the_unit_of_a_number_changes_at_its_magnitude(number, seconds):
    assert times.parse_time(number) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("9999-12-30T00:00:00Z", 253_402_128_000.0),
        ("9999-12-30T00:00:01Z", None),
        ("0001-01-02T00:00:00Z", -62_135_510_400.0),
        ("0001-01-01T23:59:59Z", None),
        ("20231114T221320Z", 1_700_000_000.0),
        ("2023-11-14T22:13Z", 1_699_999_980.0),
        ("2023-11-14T22:13:20.00000000000000+00:00", 1_700_000_000.0),
        ("2023-11-14T22:13:20.000000000000000+00:00", None),
        ("2023-11-14T22:13:20+0100", 1_699_996_400.0),
    ],
)
def test_the_first_and_the_last_moment_that_iso_can_name(text, seconds):
    assert times.parse_time(text) == seconds
    assert times.looks_like_time(text) is (len(text) <= 40)


@pytest.mark.parametrize(
    ("off", "plausible"),
    [(86_400.0, True), (86_401.0, False), (-315_576_000.0, True), (-315_576_001.0, False)],
)
def test_a_clock_is_believed_up_to_a_day_ahead_and_ten_years_behind(off, plausible):
    assert times.is_plausible(1_700_000_000.0 + off, 1_700_000_000.0) is plausible


# Presence


@pytest.mark.parametrize(
    ("now", "verdict"),
    [(159.9, PresenceVerdict("online")), (160.0, PresenceVerdict("offline", "silent"))],
)
def test_silence_is_over_at_its_last_second(now, verdict):
    assert judge("online", 100.0, 60.0, now, listening_since=0.0) == verdict


def test_who_spoke_in_the_second_in_which_the_link_came_up_is_online():
    assert judge("unknown", 100.0, 60.0, 101.0, listening_since=100.0) == PresenceVerdict("online")
    assert judge("unknown", 99.9, 60.0, 101.0, listening_since=100.0) == PresenceVerdict("unknown")


def test_a_link_that_is_up_since_the_epoch_is_up():
    assert judge(
        "online", 100.0, 60.0, 101.0, listening_since=0.0, gateway_status="online"
    ) == PresenceVerdict("online")


# Rates


def test_a_rate_is_per_second_over_the_last_ten_seconds():
    rates = Rates()
    assert rates.rate(1, 0, 0.0) == 0.0
    assert rates.rate(1, 30, 10.0) == 3.0
    assert rates.rate(1, 130, 20.0) == 10.0
    assert rates.rate(1, 131, 22.0) == 8.42, "over the last 12 s, because nobody looked 10 s ago"


def test_a_rate_after_a_long_silence_counts_ten_seconds_at_most():
    rates = Rates()
    rates.rate(1, 5, 0.0)
    assert rates.rate(1, 5, 1_000.0) == 0.0
    assert rates.rate(1, 25, 1_000.0) == 2.0


def test_a_rate_of_two_looks_at_the_same_moment_is_none():
    rates = Rates()
    rates.rate(1, 1, 5.0)
    assert rates.rate(1, 2, 5.0) == 0.0
    assert rates.rate(1, 2, 5.0) == 0.0


def test_rates_come_to_two_places():
    rates = Rates()
    rates.rate(1, 0, 0.0)
    assert rates.rate(1, 1, 3.0) == 0.33


@pytest.mark.parametrize(
    ("limit", "rate", "seconds"),
    [(1_000, 10.0, 100.0), (1_000, 0.0, None), (None, 10.0, None), (0, 2.0, 0.0)],
)
def test_a_broker_queue_lasts_for_its_length_over_the_rate(limit, rate, seconds):
    assert lasts(limit, rate) == seconds


# Health of parsers


def window(parsed, failed):
    return Window(0.0, parsed, failed)


def test_more_than_half_of_two_hundred_is_failing():
    table = {
        (99, 100): "undecided",
        (100, 100): "working",
        (99, 101): "failing",
        (0, 199): "undecided",
        (0, 200): "failing",
    }
    assert {counts: str(judged(window(*counts), Rule())) for counts in table} == table


def test_no_more_than_a_quarter_of_two_hundred_is_recovered():
    table = {(149, 50): False, (150, 50): True, (149, 51): False, (199, 0): False, (200, 0): True}
    assert {counts: has_recovered(window(*counts), Rule()) for counts in table} == table


def test_ten_failures_make_a_site_one_of_those_that_fail():
    table = {(0, 9): False, (0, 10): True, (10, 10): False, (10, 11): True}
    assert {counts: takes_part(window(*counts), Rule()) for counts in table} == table


def test_a_window_is_open_for_less_than_a_minute_of_its_own_clock():
    table = {-0.1: False, 0.0: True, 59.9: True, 60.0: False}
    assert {now: is_open(window(1, 1), now, Rule()) for now in table} == table
    assert extended(window(1, 2), 3, 4, 59.9, Rule()) == Window(0.0, 4, 6)
    assert extended(window(1, 2), 3, 4, 60.0, Rule()) == Window(60.0, 3, 4)
    assert extended(None, 3, 4, 7.0, Rule()) == Window(7.0, 3, 4)


def test_sites_are_counted_together_while_their_windows_are_open():
    half = [Window(0.0, 20, 80), Window(10.0, 0, 100)]
    assert failing_everywhere(half, 59.9, Rule())
    assert not failing_everywhere(half, 60.0, Rule()), "what is left is too little to decide"
    assert not failing_everywhere([Window(0.0, 100, 0), Window(0.0, 0, 100)], 1.0, Rule())


def test_a_trial_goes_well_when_more_than_half_parses():
    assert [passes(10, 10), passes(11, 10), passes(0, 0)] == [False, True, False]
    assert judged(Window(0.0, 100, 100), Rule()) is Health.WORKING


# Copies and sweeps


def test_a_sweep_is_over_after_five_quiet_seconds_or_a_minute():
    def copy_at(*moments):
        found = Sweep()
        found.begin(0.0)
        return [found.is_copy(b"a", b"1", moment) for moment in moments][-1]

    assert copy_at(1.0, 6.0)
    assert not copy_at(1.0, 6.1)
    minute = [float(second) for second in range(0, 61, 5)]
    assert copy_at(*minute)
    assert not copy_at(*minute, 60.1)
    assert not copy_at(*minute, 60.1, 60.2), "it was forgotten"


def test_a_sweep_ends_after_a_minute_and_not_before():
    found = Sweep()
    found.begin(10.0)
    found.is_copy(b"a", b"1", 12.0)
    found.end(69.9)
    assert found.is_copy(b"a", b"1", 13.0)
    found.end(70.0)
    assert not found.is_copy(b"a", b"1", 13.0)
    assert sweep.MOST == 200_000


def two_filters():
    arranged = arrange([("a/#", 1), ("a/+", 1)], identified=True)
    return Copies(arranged), [one.identifier for one in arranged]


def test_copies_are_known_for_half_a_minute_at_least_and_a_minute_at_most():
    def is_copy_after(*moments):
        copies, (first, second) = two_filters()
        copies.is_one(b"a/b", b"1", (first,), 0.0)
        for moment in moments[:-1]:
            copies.is_one(b"other", b"1", (first,), moment)
        return copies.is_one(b"a/b", b"1", (second,), moments[-1])

    assert is_copy_after(30.0)
    assert is_copy_after(30.1, 60.0)
    assert not is_copy_after(30.1, 60.2)


def test_copies_of_a_thousand_messages_are_known_at_least():
    def is_known_after(others):
        copies, (first, second) = two_filters()
        copies.is_one(b"a/b", b"1", (first,), 0.0)
        for number in range(others):
            copies.is_one(b"other", b"%d" % number, (first,), 0.0)
        return copies.is_one(b"a/b", b"1", (second,), 0.0)

    assert is_known_after(1_998)
    assert not is_known_after(1_999)


def test_identifiers_of_former_filters_are_remembered_by_the_thousand():
    def knows_the_first_after(filters):
        copies, (first, second) = two_filters()
        copies.change(
            [Subscription(f"f/{number}", 1, 10_000 + number) for number in range(filters)]
        )
        copies.change([Subscription("g", 1, 9_999)])
        copies.is_one(b"a/b", b"1", (first,), 0.0)
        return copies.is_one(b"a/b", b"1", (second,), 0.0)

    assert knows_the_first_after(998)
    assert not knows_the_first_after(999)


def test_each_with_an_identifier_goes_by_itself_and_the_rest_in_packets_of_what_fits():
    marked, plain = Subscription("m", 1, 7), [Subscription(f"p{n}", 0) for n in range(5)]
    assert [len(packet) for packet in in_packets([marked, *plain], 2)] == [1, 2, 2, 1]
    assert [len(packet) for packet in in_packets(plain, 5)] == [5]
    assert list(in_packets([], 5)) == []
    assert overlap.LARGEST == 268_435_455


# Workers, hosts, filters


@pytest.mark.parametrize(
    ("name", "limit"), [("last_turn", 10.0), ("last_look", 30.0), ("oldest_batch", 60.0)]
)
def test_a_worker_is_complained_about_beyond_each_of_its_limits(name, limit):
    def said(value):
        return complaint(Vitals(**{name: value}), scan_interval=3.0, receipt_timeout=30.0)

    assert said(limit) == ""
    assert f"{math.ceil(limit + 0.6)} s" in said(limit + 0.6)


def test_a_host_may_have_as_many_characters_as_names_have():
    longest = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
    assert hosts.validate_host(longest) == longest
    for wrong in (longest + "d", "a" * 64 + ".example"):
        with pytest.raises(hosts.HostError):
            hosts.validate_host(wrong)


def test_a_worker_that_has_said_nothing_yet_waits_for_nothing():
    assert set(msgspec.to_builtins(Vitals()).values()) == {0, ""}


@pytest.mark.parametrize("code", [0, 1, 2, 127])
def test_a_suback_code_below_128_grants(code):
    assert grants.refusal(code) == ""


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (0x80, "without a reason"),
        (0x81, "code 129"),
        (0x83, "rule"),
        (0x87, "not authorized"),
        (0x8F, "filter"),
        (0x91, "in use"),
        (0x97, "quota"),
        (0x9E, "shared"),
        (0xA1, "identifiers"),
        (0xA2, "wildcard"),
        (0xFF, "code 255"),
    ],
)
def test_a_suback_code_from_128_on_refuses_with_its_reason(code, says):
    assert says in grants.refusal(code)
