"""What a broker's answer to a subscription means (MQTT 5, section 3.9.3; MQTT 3.1.1 knows 0, 1, 2
and 128).
"""

from mqtt_app.domain.link.answers.broker_words import NO_WORDS, BrokerWords, quoted
from mqtt_app.domain.link.answers.reason_codes import SUBACK_REFUSALS

REFUSED = 128  # this code and above: the filter is not subscribed
LONGEST_REFUSAL = 200  # characters that are stored with a filter


def refusal(code: int, words: BrokerWords = NO_WORDS) -> str:
    """Why a SUBACK code refuses, with the broker's own words; "" when it grants."""
    if code < REFUSED:
        return ""
    why = SUBACK_REFUSALS.get(code, f"refused with code {code}")
    said = quoted(words)
    if said:
        why = f"{why}.{said}"
    if len(why) > LONGEST_REFUSAL:
        return why[: LONGEST_REFUSAL - 1] + "\u2026"
    return why
