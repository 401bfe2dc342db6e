"""For how long copies of a message are known as such, and how subscriptions travel."""

from mqtt_app.domain.link import overlap, sweep
from mqtt_app.domain.link.overlap import Copies, Subscription, arrange, in_packets
from mqtt_app.domain.link.sweep import Sweep


def test_a_sweep_is_over_after_five_quiet_seconds_or_a_minute() -> None:
    def copy_at(*moments: float) -> bool:
        found = Sweep()
        found.begin(0.0)
        return [found.is_copy("a", b"1", moment) for moment in moments][-1]

    assert copy_at(1.0, 6.0)
    assert not copy_at(1.0, 6.1)
    minute = [float(second) for second in range(0, 61, 5)]
    assert copy_at(*minute)
    assert not copy_at(*minute, 60.1)
    assert not copy_at(*minute, 60.1, 60.2), "it was forgotten"


def test_a_sweep_ends_after_a_minute_and_not_before() -> None:
    found = Sweep()
    found.begin(10.0)
    found.is_copy("a", b"1", 12.0)
    found.end(69.9)
    assert found.is_copy("a", b"1", 13.0)
    found.end(70.0)
    assert not found.is_copy("a", b"1", 13.0)
    assert sweep.MOST == 200_000


def two_filters() -> tuple[Copies, list[int]]:
    arranged = arrange([("a/#", 1), ("a/+", 1)], identified=True)
    return Copies(arranged), [one.identifier for one in arranged]


def test_copies_are_known_for_half_a_minute_at_least_and_a_minute_at_most() -> None:
    def is_copy_after(*moments: float) -> bool:
        copies, (first, second) = two_filters()
        copies.is_one("a/b", b"1", (first,), 0.0)
        for moment in moments[:-1]:
            copies.is_one("other", b"1", (first,), moment)
        return copies.is_one("a/b", b"1", (second,), moments[-1])

    assert is_copy_after(30.0)
    assert is_copy_after(30.1, 60.0)
    assert not is_copy_after(30.1, 60.2)


def test_copies_of_a_thousand_messages_are_known_at_least() -> None:
    def is_known_after(others: int) -> bool:
        copies, (first, second) = two_filters()
        copies.is_one("a/b", b"1", (first,), 0.0)
        for number in range(others):
            copies.is_one("other", b"%d" % number, (first,), 0.0)
        return copies.is_one("a/b", b"1", (second,), 0.0)

    assert is_known_after(1_998)
    assert not is_known_after(1_999)


def test_identifiers_of_former_filters_are_remembered_by_the_thousand() -> None:
    def knows_the_first_after(filters: int) -> bool:
        copies, (first, second) = two_filters()
        copies.change(
            [Subscription(f"f/{number}", 1, 10_000 + number) for number in range(filters)]
        )
        copies.change([Subscription("g", 1, 9_999)])
        copies.is_one("a/b", b"1", (first,), 0.0)
        return copies.is_one("a/b", b"1", (second,), 0.0)

    assert knows_the_first_after(998)
    assert not knows_the_first_after(999)


def test_each_with_an_identifier_goes_by_itself_and_the_rest_in_packets_of_what_fits() -> None:
    marked, plain = Subscription("m", 1, 7), [Subscription(f"p{n}", 0) for n in range(5)]
    assert [len(packet) for packet in in_packets([marked, *plain], 2)] == [1, 2, 2, 1]
    assert [len(packet) for packet in in_packets(plain, 5)] == [5]
    assert list(in_packets([], 5)) == []
    assert overlap.LARGEST == 268_435_455
