"""Does this text hold what TLS needs? Messages never repeat what was given: it may be a secret."""

import base64
import binascii
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from mqtt_app.domain.link.pem_text import Block, blocks

CERTIFICATES = frozenset({"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"})
KEY = "PRIVATE KEY"
NO_CERTIFICATE = "Not a PEM certificate: expected -----BEGIN CERTIFICATE----- and what follows."
NO_KEY = "Not a PEM private key: expected -----BEGIN PRIVATE KEY----- and what follows."
PASSPHRASE = (
    "The key is protected by a passphrase; give it without one, it is stored encrypted. "
    "`openssl pkey -in client.key` writes it so."
)
PKCS12 = (
    "This is a binary file (PKCS#12 or DER), not PEM. Convert it: "
    "`openssl pkcs12 -in client.p12 -nodes`, and paste what that prints."
)
REQUEST = (
    "This is a certificate signing request. Send it to your CA, and enter the certificate "
    "that the CA gives back."
)
PUBLIC = "This is a public key, which is no use here. Enter the certificate, and its private key."


class PemError(ValueError):
    """Fit to be shown to the person who typed it."""


def certificates(text: str) -> list[x509.Certificate]:
    """At least one certificate."""
    return [_certificate(block) for block in _certificate_blocks(text)]


def canonical_certificates(text: str) -> str:
    """The certificates alone, each as OpenSSL writes it."""
    form = serialization.Encoding.PEM
    return "".join(found.public_bytes(form).decode() for found in certificates(text))


def private_key(text: str) -> PrivateKeyTypes:
    block = _key_block(text)
    if block.is_encrypted:
        raise PemError(PASSPHRASE)
    try:
        return serialization.load_pem_private_key(block.text.encode(), password=None)
    except Exception:  # noqa: BLE001  cryptography raises its own kinds for keys of curves and forms it does not know
        raise PemError(NO_KEY) from None


def canonical_key(text: str) -> str:
    """The private key alone, in the form that it has."""
    private_key(text)
    return _key_block(text).text


def check_pair(certificate: str, key: str) -> None:
    """The first certificate is the client's own; its public key must be the private key's other
    half.
    """
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    mine = certificates(certificate)[0].public_key().public_bytes(*form)
    if private_key(key).public_key().public_bytes(*form) != mine:
        raise PemError("This key does not belong to the client certificate.")


def check_dates(text: str, now: datetime) -> None:
    """Each certificate must be valid at `now`."""
    for found in certificates(text):
        name = found.subject.rfc4514_string()[:200] or "without a subject"
        if found.not_valid_after_utc < now:
            day = found.not_valid_after_utc.date()
            raise PemError(f"The certificate {name} expired on {day}. Enter its successor.")
        if found.not_valid_before_utc > now:
            day = found.not_valid_before_utc.date()
            raise PemError(
                f"The certificate {name} is not valid before {day}. Enter one that is valid now, "
                "or check this server's clock."
            )


def _certificate(block: Block) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(base64.b64decode(block.body, validate=True))
    except ValueError:
        raise PemError(NO_CERTIFICATE) from None


def _certificate_blocks(text: str) -> list[Block]:
    every = blocks(text)
    found = [block for block in every if block.label in CERTIFICATES]
    if found:
        return found
    if any(block.label.endswith(KEY) for block in every):
        raise PemError("This is a private key, but a certificate is wanted here.")
    raise _other(text, every, NO_CERTIFICATE)


def _key_block(text: str) -> Block:
    every = blocks(text)
    for block in every:
        if block.label.endswith(KEY):
            return block
    if any(block.label in CERTIFICATES for block in every):
        raise PemError("This is a certificate, but its private key is wanted here.")
    raise _other(text, every, NO_KEY)


def _other(text: str, every: list[Block], otherwise: str) -> PemError:
    labels = " ".join(block.label for block in every)
    if "CERTIFICATE REQUEST" in labels:
        return PemError(REQUEST)
    if "PUBLIC KEY" in labels:
        return PemError(PUBLIC)
    if _is_binary(text):
        return PemError(PKCS12)
    return PemError(otherwise)


def _is_binary(text: str) -> bool:
    """ASN.1 as it is (0x30, and a length of two bytes: 0x82), or in base64."""
    if text.startswith(("0\x82", "0\ufffd")):
        return True
    try:
        return base64.b64decode("".join(text.split()), validate=True).startswith(b"0\x82")
    except (binascii.Error, ValueError):
        return False
