"""Does this text hold what TLS needs? PEM as of RFC 7468. Messages never repeat what was given: it
may be a secret.
"""

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


class PemError(ValueError):
    """Fit to be shown to the person who typed it."""


def certificates(text: str) -> list[x509.Certificate]:
    """At least one certificate."""
    if "PRIVATE KEY-----" in text and "BEGIN CERTIFICATE" not in text:
        raise PemError("This is a private key, but a certificate is wanted here.")
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise PemError(
            "Not a PEM certificate: expected -----BEGIN CERTIFICATE----- and what follows."
        ) from None


def private_key(text: str) -> PrivateKeyTypes:
    if "BEGIN CERTIFICATE" in text and "PRIVATE KEY-----" not in text:
        raise PemError("This is a certificate, but its private key is wanted here.")
    try:
        return serialization.load_pem_private_key(text.encode(), password=None)
    except TypeError:
        raise PemError(
            "The key is protected by a passphrase; give it without one, it is stored encrypted."
        ) from None
    except Exception:  # noqa: BLE001  cryptography raises its own kinds for keys of curves and forms it does not know
        raise PemError(
            "Not a PEM private key: expected -----BEGIN PRIVATE KEY----- and what follows."
        ) from None


def check_pair(certificate: str, key: str) -> None:
    """The first certificate is the client's own; its public key must be the private key's other
    half.
    """
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    mine = certificates(certificate)[0].public_key().public_bytes(*form)
    if private_key(key).public_key().public_bytes(*form) != mine:
        raise PemError("This key does not belong to the client certificate.")
