import pytest

from mqtt_app.domain.clock_skew import in_words, is_off, worth_storing


@pytest.mark.parametrize(
    ("skew", "said"),
    [
        (3600.0, "1 h ahead"),
        (-7200.0, "2 h behind"),
        (86400.0, "1 day ahead"),
        (-60.0, "1 min behind"),
        (-1.7e9, "54 years behind"),
        (59.0, "right"),
    ],
)
def test_a_skew_is_said_in_its_largest_unit(skew: float, said: str) -> None:
    assert in_words(skew) == said


@pytest.mark.parametrize(
    ("skew", "off"), [(60.0, True), (-60.0, True), (59.9, False), (None, False)]
)
def test_a_minute_is_off(skew: float | None, off: bool) -> None:
    assert is_off(skew) is off


@pytest.mark.parametrize(
    ("known", "measured", "news"),
    [
        (None, 0.1, True),
        (0.0, 59.0, False),
        (0.0, 60.0, True),
        (-86400.0, -86400.0 - 863.0, False),
        (-86400.0, -86400.0 - 864.0, True),
        (3600.0, 0.0, True),
    ],
)
def test_only_a_change_is_stored(known: float | None, measured: float, news: bool) -> None:
    assert worth_storing(known, measured) is news
