"""A series as a small line."""

from mqtt_app.dashboard.sparkline import HEIGHT, MARGIN, WIDTH, points


def test_the_lowest_is_at_the_bottom_and_the_highest_at_the_top() -> None:
    assert points([0.0, 10.0]) == [f"0.0,{HEIGHT - MARGIN} {WIDTH},{MARGIN}"]


def test_a_gap_stays_a_gap() -> None:
    assert len(points([1.0, 2.0, None, 3.0, 4.0])) == 2


def test_a_lone_value_is_a_dash_that_can_be_seen() -> None:
    (line,) = points([None, 5.0, None])
    first, second = line.split()
    assert first != second
    assert first.split(",")[1] == second.split(",")[1] == "14.0"


def test_a_flat_line_is_in_the_middle() -> None:
    assert points([3.0, 3.0]) == ["0.0,14.0 120.0,14.0"]


def test_the_largest_numbers_are_drawn_too() -> None:
    assert points([-1.7e308, 1.7e308]) == ["0.0,26.0 120.0,2.0"]


def test_nothing_is_no_line() -> None:
    assert points([]) == points([None, None]) == []
