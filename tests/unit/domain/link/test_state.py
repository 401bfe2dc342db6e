import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.link import events as c
from mqtt_app.domain.link.events import Event
from mqtt_app.domain.link.failures import BROKER, CREDENTIALS, NETWORK, LinkFailure
from mqtt_app.domain.link.state import NEVER, Link, LinkTimeouts, State
from mqtt_app.domain.link.transitions import Effect, step
from tests.narrowing import present

LOST = c.Lost(LinkFailure(NETWORK, "gone"))
BROKEN = c.Lost(LinkFailure(BROKER, "a wildcard", reason_code=0x90))
OLD = c.Refused(LinkFailure(BROKER, "no MQTT 5", older_mqtt=True))
EVENTS = [
    c.Start(),
    c.Paced(30.0),
    c.Dialed(),
    c.DialFailed(LinkFailure(NETWORK, "refused")),
    c.Accepted(True),
    c.Accepted(False),
    c.Refused(LinkFailure(CREDENTIALS, "password")),
    OLD,
    c.Answered(),
    c.Granted(),
    LOST,
    BROKEN,
    c.Tick(),
    c.Drain(),
    c.Drained(),
    c.Abandon(),
]
VOLATILE = {
    State.DIALING,
    State.HANDSHAKING,
    State.SUBSCRIBING,
    State.WAITING,
    State.REFUSED,
    State.DRAINING,
}


def run(
    *events: Event, link: Link | None = None, now: float = 0.0, jitter: float = 0.5
) -> tuple[Link, tuple[Effect, ...]]:
    link = link or Link()
    effects: tuple[Effect, ...] = ()
    for event in events:
        link, effects = step(link, event, now, LinkTimeouts(), jitter)
    return link, effects


@given(st.lists(st.tuples(st.sampled_from(EVENTS), st.floats(0, 100), st.floats(0, 0.99))))
def test_a_volatile_state_always_has_a_deadline_and_closed_is_the_end(
    story: list[tuple[Event, float, float]],
) -> None:
    link, now = Link(), 0.0
    for event, pause, jitter in story:
        before, now = link, now + pause
        link, effects = step(link, event, now, LinkTimeouts(), jitter)
        assert (link.deadline < NEVER) == (link.state in VOLATILE)
        assert before.state is not State.CLOSED or not effects
        assert (Effect.FINISHED in effects) == (
            link.state is State.CLOSED and before.state is not State.CLOSED
        )


@given(st.lists(st.tuples(st.sampled_from(EVENTS), st.floats(0, 100))))
def test_a_socket_is_closed_before_the_next_dial_and_at_the_end(
    story: list[tuple[Event, float]],
) -> None:
    link, now, is_open = Link(), 0.0, False
    for event, pause in story:
        now += pause
        link, effects = step(link, event, now, LinkTimeouts(), 0.5)
        for effect in effects:
            is_open = {Effect.HANDSHAKE: True, Effect.CLOSE: False, Effect.GOODBYE: False}.get(
                effect, is_open
            )
            assert not (effect is Effect.DIAL and is_open)
    assert not (link.state is State.CLOSED and is_open)


def test_a_link_comes_up() -> None:
    link, effects = run(c.Start(), c.Dialed(), c.Accepted(to_subscribe=True), c.Granted())
    assert (link.state, effects) == (State.UP, (Effect.REPORT_CONNECTED,))


def test_waiting_for_its_turn_in_a_storm_is_no_slow_dial() -> None:
    link, _ = run(c.Start(), c.Paced(at=100.0))
    assert (link.state, link.deadline) == (State.DIALING, 100.0 + LinkTimeouts().dial_timeout)


def test_a_broker_without_mqtt_5_is_dialled_again_at_once_in_3_1_1() -> None:
    link, effects = run(c.Start(), c.Dialed(), OLD)
    assert (link.state, link.version, link.retries) == (State.DIALING, "3.1.1", 0)
    assert effects == (Effect.CLOSE, Effect.DIAL)


def test_a_broker_that_leaves_mqtt_5_unanswered_is_dialled_again_at_once_in_3_1_1() -> None:
    link, effects = run(c.Start(), c.Dialed(), c.Tick())
    assert (link.state, link.version) == (State.DIALING, "3.1.1")
    assert effects == (Effect.CLOSE, Effect.REPORT_FAILED, Effect.DIAL)
    assert "never answered our CONNECT. MQTT 3.1.1 is tried now." in present(link.failure).message


def test_a_broker_that_refuses_both_versions_is_waited_for() -> None:
    link, _ = run(c.Start(), c.Dialed(), OLD, c.Dialed(), OLD)
    assert (link.state, link.retries) == (State.WAITING, 1)


def test_refused_credentials_are_tried_again_after_a_minute_at_most_every_quarter_of_an_hour() -> (
    None
):
    link, waits = Link(), []
    refused = (c.Dialed(), c.Refused(LinkFailure(CREDENTIALS, "password")))
    for _ in range(8):
        link, _ = run(
            c.Start() if link.state is State.IDLE else c.Tick(), *refused, link=link, jitter=0.999
        )
        waits.append(link.deadline)
    assert 59 < waits[0] <= 60
    assert 890 < waits[-1] <= 900


def test_only_a_stable_link_resets_the_back_off() -> None:
    up, _ = run(
        c.Start(), c.Dialed(), c.Accepted(to_subscribe=False), link=Link(retries=5), now=100.0
    )
    assert run(LOST, link=up, now=130.0)[0].retries == 6
    assert run(LOST, link=up, now=161.0)[0].retries == 1


@given(st.floats(0, 900), st.lists(st.floats(0, 0.999), min_size=60, max_size=60))
def test_nobody_is_kept_waiting_for_longer_than_it_was_away(
    outage: float, chances: list[float]
) -> None:
    link, _ = run(c.Start(), c.Dialed(), c.Accepted(to_subscribe=False))
    link, _ = run(LOST, link=link, now=100.0, jitter=chances[0])
    for chance in chances[1:]:
        if link.deadline > 100.0 + outage:
            break
        now = link.deadline
        link, _ = run(
            c.Tick(),
            c.DialFailed(LinkFailure(NETWORK, "refused")),
            link=link,
            now=now,
            jitter=chance,
        )
    assert link.deadline - max(100.0 + outage, link.since) <= min(60.0, outage + 1.0)


def test_links_that_are_thrown_out_again_and_again_look_like_a_second_client() -> None:
    link = Link()
    for turn in range(5):
        assert link.state is not State.REFUSED
        up, _ = run(
            c.Start() if not turn else c.Tick(),
            c.Dialed(),
            c.Accepted(False),
            link=link,
            now=turn + 1.0,
        )
        link, _ = run(LOST, link=up, now=turn + 1.5)
    assert (link.state, present(link.failure).kind) == (State.REFUSED, "conflict")


def test_a_broker_that_breaks_the_protocol_after_each_connack_waits_ever_longer_up_to_a_quarter_of_an_hour() -> (
    None
):
    link, now = Link(), 0.0
    waits: list[float] = []
    for _ in range(10):
        link, _ = run(
            c.Tick() if waits else c.Start(),
            c.Dialed(),
            c.Accepted(False),
            BROKEN,
            link=link,
            now=now,
        )
        assert (link.state, present(link.failure).kind) == (State.REFUSED, BROKER)
        waits.append(link.deadline - now)
        now = link.deadline
    assert waits == [3.75, 7.5, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 675.0, 675.0]


def test_only_a_stable_link_makes_up_for_what_a_broker_broke() -> None:
    def next_wait(lived: float) -> float:
        up, _ = run(c.Start(), c.Dialed(), c.Accepted(False), link=Link(violations=5), now=100.0)
        return run(BROKEN, link=up, now=100.0 + lived)[0].deadline - 100.0 - lived

    assert (next_wait(59.0), next_wait(60.0)) == (120.0, 3.75)


def test_a_broker_that_breaks_the_protocol_is_no_second_client() -> None:
    link = Link()
    for turn in range(6):
        up, _ = run(
            c.Start() if not turn else c.Tick(),
            c.Dialed(),
            c.Accepted(False),
            link=link,
            now=turn * 1e3 + 1,
        )
        link, _ = run(LOST if turn % 3 == 2 else BROKEN, link=up, now=turn * 1e3 + 1.5)
        assert present(link.failure).kind == (NETWORK if turn % 3 == 2 else BROKER)


def test_a_drain_settles_before_it_parts() -> None:
    up, _ = run(c.Start(), c.Dialed(), c.Accepted(to_subscribe=False))
    draining, effects = run(c.Drain(), link=up)
    assert (draining.state, effects) == (State.DRAINING, (Effect.STOP_READING,))
    assert run(c.Drained(), link=draining)[1] == (
        Effect.GOODBYE,
        Effect.REPORT_DISCONNECTED,
        Effect.FINISHED,
    )


def test_a_lost_ownership_closes_without_a_word() -> None:
    up, _ = run(c.Start(), c.Dialed(), c.Accepted(to_subscribe=False))
    assert run(c.Abandon(), link=msgspec.structs.replace(up))[1] == (Effect.CLOSE, Effect.FINISHED)
