"""PEM as people paste it is read, and stored as OpenSSL writes it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.link.pem import (
    PKCS12,
    PemError,
    canonical_certificates,
    canonical_key,
    certificates,
    check_dates,
)
from mqtt_app.domain.link.pem_text import blocks
from tests.brokers import CertificateAuthority


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return CertificateAuthority(tmp_path_factory.mktemp("ca")).client()


FORMS = {
    "literal newlines": lambda text: text.replace("\n", "\\n"),
    "spaces": lambda text: text.replace("\n", " "),
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "indentation": lambda text: text.replace("\n", "\n    "),
    "byte order mark": lambda text: "\ufeff" + text,
    "bag attributes": lambda text: "Bag Attributes\n  localKeyID: 01\n" + text + "\nend\n",
    "one line": lambda text: text.replace("\n", ""),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_rewritten_to_what_was_issued(form: str, pair: tuple[str, str]) -> None:
    certificate, key = pair
    assert canonical_certificates(FORMS[form](certificate)) == certificate
    assert canonical_key(FORMS[form](key)) == key


def test_several_certificates_stay_and_a_key_beside_them_does_not(pair: tuple[str, str]) -> None:
    certificate, key = pair
    assert canonical_certificates(certificate + key + certificate) == certificate * 2


def test_a_certificate_must_be_valid_now(pair: tuple[str, str]) -> None:
    certificate, _ = pair
    found = certificates(certificate)[0]
    end = found.not_valid_after_utc
    start = found.not_valid_before_utc
    check_dates(certificate, start)
    check_dates(certificate, end)
    for moment, words in (
        (end + timedelta(seconds=1), "expired on"),
        (start - timedelta(seconds=1), "not valid before"),
    ):
        with pytest.raises(PemError, match=words):
            check_dates(certificate, moment)
    assert start < datetime.now(UTC) < end


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0\x82\x01\x02", PKCS12),
        ("MIIJqQIBAzCC", PKCS12),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "public key"),
        (
            "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----",
            "signing request",
        ),
    ],
)
def test_what_is_something_else_is_named(text: str, words: str) -> None:
    for rule in (canonical_certificates, canonical_key):
        with pytest.raises(PemError) as caught:
            rule(text)
        assert words in str(caught.value)


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    blocks(text)
    with pytest.raises(PemError):
        canonical_certificates(text)
