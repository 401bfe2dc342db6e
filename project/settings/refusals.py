"""What a production must not start with: secrets that others know or can guess, and doors that are
open to everybody.

Each function raises ImproperlyConfigured with the variable's name and what to do.
"""

import base64
import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from django.core.exceptions import ImproperlyConfigured

from project.settings.checked import MAKE_SECRETS

SHORTEST = 50  # characters; what `check --deploy` asks for, too
LEAST_BITS = 128  # of entropy, by the frequencies of its characters
LEAST_DIFFERENT = 12  # bytes of the 32 of a key; 32 random ones have fewer once in 10^12 keys
EXAMPLES = re.compile(
    r"change.?me|example|insecure|secret.?key|your.?(own|secret|key)|my.?secret|replace|placeholder|"
    # six letters: random keys hold none of them
    r"default|password|sample|test.?(key|secret)|xxxxxx|1234567|abcdefg",
    re.IGNORECASE,
)


def refuse_weak_secret(name: str, value: str) -> None:
    why = _weakness(value)
    if why:
        raise ImproperlyConfigured(f"{name} {why}; {MAKE_SECRETS}.")


def refuse_weak_field_keys(name: str, keys: Sequence[str]) -> None:
    for number, key in enumerate(keys, 1):
        why = _key_weakness(base64.urlsafe_b64decode(key))
        if key in keys[: number - 1]:
            why = "is there twice"
        if why:
            raise ImproperlyConfigured(f"{name}: key {number} {why}; {MAKE_SECRETS}.")


def refuse_open_hosts(name: str, hosts: Sequence[str]) -> None:
    """A request's Host goes into links that the server sends, so only names of ours may stand
    there.
    """
    how = "name the hosts that people use, as in sitewire.example.com (`python3 manage.py init --host NAME` does)"
    if not hosts:
        raise ImproperlyConfigured(f"{name} is empty; {how}.")
    for host in hosts:
        if "*" in host:
            raise ImproperlyConfigured(f"{name}: {host!r} lets every name in; {how}.")
        if host.startswith(".") and "." not in host.strip("."):
            raise ImproperlyConfigured(f"{name}: {host!r} lets a whole top-level domain in; {how}.")


def refuse_debug(name: str, on: bool) -> None:
    if on:
        raise ImproperlyConfigured(
            f"{name} is on, which shows settings and source to visitors; leave it out in production. "
            "`python3 manage.py up` is for trying things."
        )


def _weakness(value: str) -> str:
    if len(value) < SHORTEST:
        return f"has {len(value)} characters, at least {SHORTEST} are needed"
    if EXAMPLES.search(value):
        return "is an example that others know"
    if value in (value + value)[1:-1]:
        return "repeats itself"
    if _bits(value) < LEAST_BITS:
        return "can be guessed: too few different characters"
    return ""


def _key_weakness(key: bytes) -> str:
    if not any(key):
        return "is all zeros"
    steps = {(second - first) % 256 for first, second in pairwise(key)}
    if len(steps) == 1 or len(set(key)) < LEAST_DIFFERENT or key in (key + key)[1:-1]:
        return "is an example that others know"
    if all(32 <= byte < 127 for byte in key):
        return "is made of typed text, not of random bytes"
    return ""


def _bits(value: str) -> float:
    counts = Counter(value).values()
    return -sum(count * math.log2(count / len(value)) for count in counts)
