"""What a certificate says, for people who look whether it is the right one."""

from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from mqtt_app.domain.link.pem import PemError, certificates


class CertificateFacts(msgspec.Struct, frozen=True):
    """`subject` and `issuer` as RFC 4514 writes them. `names`: hosts and addresses that it is for.
    `fingerprint`: SHA-256, in hexadecimal.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    fingerprint: str


def facts_of(text: str) -> tuple[CertificateFacts, ...]:
    """Of each certificate of a PEM text, in its order; none when it cannot be read."""
    try:
        return tuple(_facts(found) for found in certificates(text))
    except PemError:
        return ()


def _facts(certificate: x509.Certificate) -> CertificateFacts:
    return CertificateFacts(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        names=_names(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """None when it has none, or they are not written as X.509 has them."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    hosts = found.get_values_for_type(x509.DNSName)
    addresses = found.get_values_for_type(x509.IPAddress)
    return (*hosts, *map(str, addresses))
