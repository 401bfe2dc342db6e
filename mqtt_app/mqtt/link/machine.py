"""Runs the state machine of one link: steps it by events and deadlines, and has the effects done."""

import random
from collections.abc import Callable

from mqtt_app.domain.link.events import Event, Tick
from mqtt_app.domain.link.state import NEVER, Link, State
from mqtt_app.domain.link.transitions import Effect, step
from mqtt_app.mqtt.link.link_services import LinkServices
from mqtt_app.mqtt.loop import Timer

DOUBT = 0.1  # s between two looks while it is in doubt whether the link is still ours to connect


class LinkMachine:
    """`carry_out` is called with each effect of an event, in order. On the loop's thread."""

    def __init__(
        self, services: LinkServices, link: Link, carry_out: Callable[[Effect], None]
    ) -> None:
        self._services = services
        self.link = link
        self._carry_out = carry_out
        self._deadline: Timer | None = None

    def on_event(self, event: Event) -> None:
        services = self._services
        before = self.link
        now = services.loop.clock()
        self.link, effects = step(before, event, now, services.timeouts, random.random())
        if self.link is not before:
            self._set_deadline(self.link.deadline)
        for effect in effects:
            self._carry_out(effect)

    def _set_deadline(self, due: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if due != NEVER:
            self._deadline = self._services.loop.at(due, self._on_deadline)

    def _on_deadline(self) -> None:
        services = self._services
        is_to_connect = self.link.state in {State.WAITING, State.REFUSED}
        if is_to_connect and not services.may_connect(self.link.since):
            self._set_deadline(services.loop.clock() + DOUBT)
        else:
            self.on_event(Tick())
