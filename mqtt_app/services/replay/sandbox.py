"""Parsers tried on dead letters in a forked process that may die of it: nothing of ours is lost with
that process.

New messages need no sandbox, since their owner finds out which of them kills
(domain/delivery/in_flight.py). Dead letters have no owner: a parser that was mended so that it
kills its process now would do so again and again.
"""

import os
import signal
import time
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum

import msgspec

from mqtt_app.domain.dead_letters import parser_health
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.parsers.registry import Registry
from mqtt_app.services.ingest.memory import PROCESS, Draft
from mqtt_app.services.ingest.parsing.mapped import version_now
from mqtt_app.services.ingest.parsing.parsers import as_asked, can_parse, of_site
from mqtt_app.services.ingest.records import Topic, TopicKey, topic_key
from mqtt_app.services.ingest.topics.rows import find

START = 2.0  # s that a sandbox may take, whatever it runs
EACH = 0.01  # s more for each message: a hundred times what a parser needs
LOOK_EVERY = 0.002  # s


class End(Enum):
    YES = 0
    NO = 1
    DIED = 2  # or did not come to an end


class SandboxMessage(msgspec.Struct, frozen=True):
    """`known`: the parsers of the message's site."""

    message: Envelope
    topic: Topic | None
    known: Registry


Script = Sequence[SandboxMessage]


def most_can_be_parsed(messages: Collection[Envelope]) -> bool:
    """By the parsers of this process."""
    script = _script(messages, {})

    def judge() -> bool:
        parsed = sum(can_parse(probe.message, probe.topic, probe.known) for probe in script)
        return parser_health.passes(parsed, len(script) - parsed)

    return _in_child(judge, len(script)) is End.YES


def first_fatal(
    messages: Collection[Envelope], asked_parsers: Mapping[int, str]
) -> Envelope | None:
    """One that kills the process that parses it, or keeps it busy for ever; None when all of them
    end. `asked_parsers`: see `Run`.
    """
    return _first_fatal(_script(messages, asked_parsers))


def _first_fatal(script: Script) -> Envelope | None:
    def judge() -> bool:
        for probe in script:
            can_parse(probe.message, probe.topic, probe.known)
        return True

    if not script or _in_child(judge, len(script)) is not End.DIED:
        return None
    if len(script) == 1:
        return script[0].message
    middle = len(script) // 2
    return _first_fatal(script[:middle]) or _first_fatal(script[middle:])


def _script(messages: Collection[Envelope], asked_parsers: Mapping[int, str]) -> Script:
    """Everything that the child needs: it must not touch the database, whose connection is its
    parent's.
    """
    sites = {message.site_id for message in messages}
    known = {site_id: of_site(site_id, version_now(site_id)) for site_id in sites}
    keys = {topic_key(message) for message in messages}
    topics = find(keys, Draft(PROCESS, believes=False)).rows
    return [
        SandboxMessage(
            message,
            _topic(message, topics, asked_parsers.get(message.packet_id, "")),
            known[message.site_id],
        )
        for message in messages
    ]


def _topic(message: Envelope, topics: Mapping[TopicKey, Topic], asked: str) -> Topic | None:
    topic = topics.get(topic_key(message))
    if topic is None:
        return None
    return as_asked(topic, asked)


def _in_child(judge: Callable[[], bool], size: int) -> End:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # a fork beside threads; the child needs nothing of theirs
        child = os.fork()
    if not child:
        end = End.DIED
        try:
            if judge():
                end = End.YES
            else:
                end = End.NO
        finally:
            os._exit(end.value)
    return _wait(child, time.monotonic() + START + EACH * size)


def _wait(child: int, deadline: float) -> End:
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            if code in {End.YES.value, End.NO.value}:
                return End(code)
            return End.DIED
        time.sleep(LOOK_EVERY)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return End.DIED
