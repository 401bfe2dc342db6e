"""What is accepted as a certificate or a key, and what people are told otherwise, without a word of
the secret.
"""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mqtt_app.domain.link.pem import PemError, certificates, check_pair, private_key
from tests.brokers import CertificateAuthority


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def pair(ca: CertificateAuthority) -> tuple[str, str]:
    return ca.client()


def locked_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    return key.private_bytes(*form, serialization.BestAvailableEncryption(b"secret")).decode()


def refusal(rule: Callable[..., Any], *texts: str) -> str:
    with pytest.raises(PemError) as caught:
        rule(*texts)
    return str(caught.value)


def test_certificates_and_keys_are_read(ca: CertificateAuthority, pair: tuple[str, str]) -> None:
    certificate, key = pair
    assert len(certificates(certificate + ca.pem)) == 2
    assert len(certificates(key + certificate)) == 1, "a file may hold both"
    assert private_key(key)
    assert private_key(certificate + key)
    check_pair(certificate, key)


def test_whatever_is_something_else_is_named(
    ca: CertificateAuthority, pair: tuple[str, str]
) -> None:
    certificate, key = pair
    table = {
        refusal(certificates, key): "This is a private key",
        refusal(certificates, "text"): "Not a PEM certificate",
        refusal(certificates, certificate[:80]): "Not a PEM certificate",
        refusal(private_key, certificate): "This is a certificate",
        refusal(private_key, "text"): "Not a PEM private key",
        refusal(private_key, locked_key()): "protected by a passphrase",
        refusal(check_pair, certificate, ca.client()[1]): "does not belong",
    }
    assert all(said.startswith(words) or words in said for said, words in table.items()), table
    assert len(table) == 6, "two texts that are no certificate are told alike"
