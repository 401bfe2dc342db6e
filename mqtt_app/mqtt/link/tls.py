"""TLS contexts from PEM text, and what a failed handshake means."""

import contextlib
import os
import ssl
import tempfile
import time
from collections.abc import Iterator
from functools import lru_cache

from mqtt_app.domain.link.failures import CREDENTIALS, NETWORK, TLS, LinkFailure

PLAIN = LinkFailure(
    TLS, "This port does not speak TLS. Turn off TLS, or enter the broker's TLS port."
)
_SELF_SIGNED = 18
_NOT_YET_VALID = 9
_OLD_TLS = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION"}
_NOT_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNEXPECTED_MESSAGE"}


class TlsSettingsError(ValueError):
    """A certificate or key that cannot be read; the text says which and what to do."""


REUSED_FOR = 3_600.0  # s; then the system's CAs are read anew
REUSED = 1_024  # contexts that differ


def context(*, ca: str, certificate: str, key: str, verify: bool) -> ssl.SSLContext:
    """Empty `ca` means the system's CAs. Raises TlsSettingsError. Links with the same settings
    share one.

    One that knows the system's CAs takes 850 KB, and 20 ms to make.
    """
    return _context(ca, certificate, key, verify, int(time.monotonic() // REUSED_FOR))


@lru_cache(maxsize=REUSED)
def _context(ca: str, certificate: str, key: str, verify: bool, _period: int) -> ssl.SSLContext:
    return fresh_context(ca=ca, certificate=certificate, key=key, verify=verify)


def fresh_context(*, ca: str, certificate: str, key: str, verify: bool) -> ssl.SSLContext:
    """As `context`, and remembered by nobody."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    try:
        _trust(made, ca)
    except (ssl.SSLError, ValueError) as error:
        raise TlsSettingsError(
            f"The CA certificate cannot be read as PEM ({error}). Enter it again."
        ) from None
    if certificate:
        _identify(made, certificate, key)
    return made


def explain(error: BaseException, host: str, *, identified: bool = True) -> LinkFailure:
    """Why the handshake with `host` failed. `identified`: we had a client certificate to show."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _unverified(error, host)
    if isinstance(error, TimeoutError):
        return LinkFailure(
            TLS,
            "The broker accepted the connection but did not answer our TLS greeting. Is it a TLS port?",
        )
    reason = getattr(error, "reason", None) or ""
    if isinstance(error, ssl.SSLError) and reason and "EOF" not in reason:
        return _refused(reason, identified=identified)
    if isinstance(error, (ssl.SSLError, ConnectionError)):
        return LinkFailure(
            TLS, "The broker closed the connection during the TLS handshake. Is this its TLS port?"
        )
    return LinkFailure(NETWORK, f"The connection broke during the TLS handshake ({error}).")


def _refused(reason: str, *, identified: bool) -> LinkFailure:
    if reason in _NOT_TLS:
        return PLAIN
    if reason in _OLD_TLS:
        return LinkFailure(
            TLS,
            "The broker has no TLS newer than 1.1, which is broken. Whoever runs the broker has to turn "
            "on TLS 1.2 or 1.3.",
        )
    if "CERTIFICATE_REQUIRED" in reason:
        return LinkFailure(
            CREDENTIALS, "The broker asks for a client certificate. Enter one with its key."
        )
    if not identified and "HANDSHAKE_FAILURE" in reason:
        return LinkFailure(
            CREDENTIALS,
            "The broker broke off the TLS handshake, as brokers do that ask for a client certificate, "
            "and none is set here. Enter one with its key, if the broker wants one.",
        )
    if "ALERT" in reason and any(
        word in reason for word in ("CERTIFICATE", "UNKNOWN_CA", "BAD_CERT")
    ):
        return LinkFailure(CREDENTIALS, f"The broker refused our client certificate ({reason}).")
    return LinkFailure(TLS, f"TLS could not be agreed with the broker ({reason}).")


def _unverified(error: ssl.SSLCertVerificationError, host: str) -> LinkFailure:
    reason = error.verify_message
    if error.verify_code in (62, 64):  # host name mismatch, IP address mismatch
        return LinkFailure(
            TLS,
            f"The broker's certificate is not for {host} ({reason}). Enter the name that it is for.",
        )
    if error.verify_code == 10:
        return LinkFailure(
            TLS, "The broker's certificate has expired. Whoever runs the broker has to renew it."
        )
    if error.verify_code == _NOT_YET_VALID:
        return LinkFailure(
            TLS,
            "The broker's certificate is not valid yet. Check the clocks of this server and of whoever issued it.",
        )
    if error.verify_code == _SELF_SIGNED:
        return LinkFailure(
            TLS,
            "The broker's certificate is self-signed, so no CA vouches for it. If it is the right one, enter it "
            "as the CA certificate.",
        )
    return LinkFailure(
        TLS,
        f"The broker's certificate is not signed by a CA that we trust ({reason}). Enter the right CA certificate.",
    )


def _trust(made: ssl.SSLContext, ca: str) -> None:
    if ca:
        made.load_verify_locations(cadata=ca)
    else:
        made.load_default_certs()


def _identify(made: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        with (
            _secret_file(certificate) as certificate_path,
            _secret_file(key or certificate) as key_path,
        ):
            # An encrypted key would otherwise ask for its password on the terminal.
            made.load_cert_chain(certificate_path, key_path, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        text = f"The client certificate and its key cannot be used together ({error}). Enter both again."
        raise TlsSettingsError(text) from None


def _no_password() -> str:
    raise ValueError("the key is encrypted; enter it without a password")


@contextlib.contextmanager
def _secret_file(text: str) -> Iterator[str]:
    """OpenSSL reads these from files only: 0600, and gone at once."""
    descriptor, path = tempfile.mkstemp(prefix="sitewire-")  # mkstemp makes it readable by us alone
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        yield path
    finally:
        os.unlink(path)
