"""Whether messages come, once the broker has granted filters."""

from mqtt_app.domain.probe.stages import ProbeStage, StageResult, Verdict, failed
from mqtt_app.mqtt.probe.session import ProbeSession, described

STAGE = ProbeStage.MESSAGE


def arrivals(session: ProbeSession, patience: float, listen: float) -> StageResult:
    """Waits `patience` seconds for a first message; with `listen`, hears all that comes in so many."""
    if listen:
        seconds = listen
        ended = session.listen(seconds)
    else:
        seconds = patience
        ended = session.wait_for_message(seconds)
    if ended is not None and not session.messages:
        return failed(STAGE, ended)
    if not session.messages:
        return StageResult(
            STAGE,
            Verdict.WARNING,
            f"Nothing arrived within {seconds:.0f} s.",
            remedy="Does a device publish to one of these topics, and seldom? Otherwise correct the filters.",
        )
    evidence = [described(message) for message in session.messages]
    word = "message"
    if session.came != 1:
        word = "messages"
    return StageResult(
        STAGE, Verdict.OK, f"{session.came:,} {word} arrived.", evidence=tuple(evidence)
    )
