"""When a QoS 1 message is acknowledged, so that its broker may forget it, and what each choice can lose."""

from enum import StrEnum


class AckMode(StrEnum):
    STORED = "stored"
    QUEUED = "queued"
    RECEIVED = "received"


CHOICES = (
    (AckMode.STORED.value, "Stored: when it is committed to the database"),
    (AckMode.QUEUED.value, "Queued: when it is in the queue of the task workers"),
    (AckMode.RECEIVED.value, "Received: as soon as it is read"),
)

CAN_LOSE = {
    AckMode.STORED: "Loses nothing: what is not committed stays with the broker.",
    AckMode.QUEUED: (
        "Loses messages only when two die at once: the MQTT worker, which holds a copy until the commit, and Redis "
        "with its data, or a task process with the batch that it was storing."
    ),
    AckMode.RECEIVED: (
        "Loses what an MQTT worker holds in memory when it is killed: messages of the last moment as a rule, all that "
        "came since the queue or the database went away otherwise (up to SITEWIRE_PENDING_BYTES). A worker that is "
        "stopped properly hands everything over first."
    ),
}

HELP = " ".join(f"{mode.capitalize()}: {risk}" for mode, risk in CAN_LOSE.items())
