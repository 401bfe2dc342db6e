"""PEM text (RFC 7468) as people paste it, made canonical: literal `\\n`, spaces for newlines,
indentation, CRLF, a byte order mark and text around the blocks are forgiven.
"""

import re
import textwrap

import msgspec

_BLOCK = re.compile(
    r"-----\s*BEGIN ([A-Z0-9 ]{1,40}?)\s*-----(.*?)-----\s*END \1\s*-----", re.DOTALL
)
_HEADER = re.compile(r"^[A-Za-z0-9-]+:.*$", re.MULTILINE)  # of RFC 1421, in old encrypted keys
LINE = 64  # characters


class Block(msgspec.Struct, frozen=True):
    """`label`: "CERTIFICATE". `is_encrypted`: a key that needs a passphrase."""

    label: str
    body: str
    is_encrypted: bool = False

    @property
    def text(self) -> str:
        lines = "\n".join(textwrap.wrap(self.body, LINE))
        return f"-----BEGIN {self.label}-----\n{lines}\n-----END {self.label}-----\n"


def blocks(text: str) -> list[Block]:
    """In the order of the text; none when it holds no PEM."""
    plain = text.lstrip("\ufeff").replace("\\r", "\r").replace("\\n", "\n").replace("\r", "\n")
    return [_block(found[1], found[2]) for found in _BLOCK.finditer(plain)]


def _block(label: str, inside: str) -> Block:
    is_encrypted = "ENCRYPTED" in label or "ENCRYPTED" in inside
    body = re.sub(r"\s+", "", _HEADER.sub("", inside))
    return Block(label, body, is_encrypted)
