"""Numbers and times as people read them. Pure; `static/sitewire/clock.js` says the same words while
time passes.
"""

from datetime import datetime

from mqtt_app.domain.status.spans import span

NOTHING = "\N{EN DASH}"  # where there is no value
MINUTE = 60  # s


def ago(at: datetime, now: datetime) -> str:
    seconds = (now - at).total_seconds()
    if seconds < 1:
        return "just now"
    return f"{span(seconds)} ago"


def rate(messages_per_second: float | None) -> str:
    """Messages a second, or a minute where that is easier to imagine."""
    if messages_per_second is None:
        return NOTHING
    if messages_per_second >= 10:
        return f"{messages_per_second:,.0f}/s"
    if messages_per_second >= 1:
        return f"{messages_per_second:.1f}/s"
    if messages_per_second:
        return f"{messages_per_second * MINUTE:.0f}/min"
    return "0"


def value(shown: float | bool | str | None) -> str:
    """A reading's value without the noise of binary fractions."""
    if isinstance(shown, bool):
        if shown:
            return "on"
        return "off"
    if isinstance(shown, float):
        return f"{shown:.10g}"
    if shown is None:
        return NOTHING
    return str(shown)[:80]
