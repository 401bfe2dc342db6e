"""What a broker's answer to a subscription means (MQTT 5, section 3.9.3; MQTT 3.1.1 knows 0, 1, 2
and 128).
"""

REFUSED = 128  # this code and above: the filter is not subscribed

_REASONS = {
    0x80: "refused without a reason",
    0x83: "refused by a rule of this broker",
    0x87: "not authorized: the broker's access rules deny this filter",
    0x8F: "the broker does not accept this filter",
    0x91: "packet identifier in use",
    0x97: "quota exceeded",
    0x9E: "the broker has no shared subscriptions",
    0xA1: "the broker has no subscription identifiers",
    0xA2: "the broker has no wildcard subscriptions",
}


def refusal(code: int) -> str:
    """Why a SUBACK code refuses, "" when it grants."""
    if code < REFUSED:
        return ""
    return _REASONS.get(code, f"refused with code {code}")
