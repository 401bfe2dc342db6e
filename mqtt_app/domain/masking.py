"""Text that leaves the process, without the secrets that found their way into it. Pure.

A net under everything else: whoever writes a message leaves secrets out. But messages of libraries,
of PostgreSQL ("Failing row contains ...") and of brokers are not ours.
"""

import re
from collections.abc import Iterable

MASK = "********"
SHORTEST = (
    6  # characters; masking "1" or "test" would leave no sentence legible, and says what it hides
)

_RULES = (
    # scheme://user:password@host
    (
        re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s/@:]{0,200}):(?!\d+/)[^\s@]{1,500}@"),
        rf"\1:{MASK}@",
    ),
    (
        re.compile(
            r"-----BEGIN ([A-Z ]{0,20}PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL
        ),
        MASK,
    ),
    # Fernet tokens, as secrets are stored
    (re.compile(r"gAAAA[A-Za-z0-9_-]{40,}={0,2}"), MASK),
    # Django's hashes of passwords
    (
        re.compile(r"\b(pbkdf2_sha\d+|argon2|bcrypt(?:_sha256)?|scrypt|md5)\$[^\s,'\")]+"),
        rf"\1${MASK}",
    ),
    (re.compile(r"(?i)\b(Token|Bearer|Basic) [A-Za-z0-9+/_.=-]{20,}"), rf"\1 {MASK}"),
)


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` with these secrets, and whatever looks like one, replaced."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST:
            text = text.replace(secret, MASK)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
