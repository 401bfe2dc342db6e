import time

from mqtt_app.events import EventTally


def test_the_first_is_said_at_once_and_the_rest_of_the_second_together_at_its_end() -> None:
    said = []
    tally = EventTally(lambda *values: said.append(values), every=0.1)
    for _ in range(5):
        tally.add(7, 2, 3)
    assert said == [(7, 2, 3)]
    time.sleep(0.4)
    assert said == [(7, 2, 3), (7, 8, 12)]


def test_a_site_that_was_silent_is_said_at_once_again_and_others_do_not_wait_for_it() -> None:
    said = []
    tally = EventTally(lambda *values: said.append(values), every=0.1)
    tally.add(7, 1, 1)
    tally.add(8, 1, 1)
    time.sleep(0.4)
    tally.add(7, 1, 1)
    assert said == [(7, 1, 1), (8, 1, 1), (7, 1, 1)]
