"""What a message waits for that is not stored, in a word for programs and in a sentence for people.
Pure.
"""

from enum import StrEnum

NOT_STORED = 8.0
"""Seconds for which messages may wait without any being stored; reports are some seconds old."""
WORTH_TELLING = 4.0  # s a message waits before its owner reports it


class WaitsFor(StrEnum):
    QUEUE = "queue"
    TASK_WORKER = "task_worker"
    DATABASE = "database"
    REFUSED = "refused"
    PARSER = "parser"


SENTENCES = {
    WaitsFor.QUEUE: "Redis does not take the batch, or the ingest queue is full",
    WaitsFor.TASK_WORKER: "they wait for a task worker",
    WaitsFor.DATABASE: "the database does not answer the task workers",
    WaitsFor.REFUSED: "the database, or ingest itself, refuses them",
    WaitsFor.PARSER: "their parser fails on everything, and no more may be kept for it",
}
REMEDIES = {
    WaitsFor.QUEUE: "Is Redis running with memory to spare, and do task workers empty mqtt.ingest?",
    WaitsFor.TASK_WORKER: "Does a task worker serve mqtt.ingest? Start more of them if the queue is long.",
    WaitsFor.DATABASE: "Is PostgreSQL running, and reachable from the task workers?",
    WaitsFor.REFUSED: "The task workers' log file says what is refused. Nothing is lost: the broker keeps it.",
    WaitsFor.PARSER: "Mend the parser and restart the task workers.",
}


def sentence(waits_for: str) -> str:
    if waits_for in SENTENCES:
        return SENTENCES[WaitsFor(waits_for)]
    return "the reason is not known"


def remedy(waits_for: str) -> str:
    if waits_for in REMEDIES:
        return REMEDIES[WaitsFor(waits_for)]
    return ""
