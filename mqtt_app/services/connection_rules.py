"""What must hold between the fields of a connection; the API and the admin ask here, so they say
the same.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from django.utils import timezone

from mqtt_app.domain.link.pem import (
    PemError,
    canonical_certificates,
    canonical_key,
    certificates,
    check_dates,
    check_pair,
    private_key,
)

MAX_PEM = 100_000  # characters; a long chain has some 10,000


def connection_errors(values: Mapping[str, Any]) -> dict[str, str]:
    """Field name -> what is wrong, for a connection that would have these values."""
    errors = dict(_pem_errors(values))
    if errors:
        return errors
    certificate, key = values.get("tls_client_certificate", ""), values.get("tls_client_key", "")
    if certificate and not key:
        return {
            "tls_client_key": "The client certificate needs its private key; give both, or neither."
        }
    if key and not certificate:
        return {
            "tls_client_certificate": "The private key needs its client certificate; give both, or neither."
        }
    if key:
        fault = _fault(check_pair, certificate, key)
    else:
        fault = ""
    if fault:
        return {"tls_client_key": fault}
    return {}


def canonical(given: Mapping[str, Any]) -> dict[str, str]:
    """PEM fields of `given` as they are to be stored; those that cannot be read are left out."""
    rules: dict[str, Callable[[str], str]] = {
        "tls_ca_certificate": canonical_certificates,
        "tls_client_certificate": canonical_certificates,
        "tls_client_key": canonical_key,
    }
    found = {}
    for field, rule in rules.items():
        text = given.get(field) or ""
        if text and len(text) <= MAX_PEM:
            with suppress(PemError):
                found[field] = rule(text)
    return found


def date_errors(given: Mapping[str, Any]) -> dict[str, str]:
    """Of certificates that are entered now; one that was stored may run out where it is."""
    now = timezone.now()
    found = {}
    for field in ("tls_ca_certificate", "tls_client_certificate"):
        text = given.get(field) or ""
        fault = ""
        if text:
            fault = _fault(check_dates, text, now)
        if fault:
            found[field] = fault
    return found


def _pem_errors(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    rules: dict[str, Callable[[str], Any]] = {
        "tls_ca_certificate": certificates,
        "tls_client_certificate": certificates,
        "tls_client_key": private_key,
    }
    for field, rule in rules.items():
        text = values.get(field) or ""
        fault = ""
        if text:
            fault = _fault(rule, text)
        if len(text) > MAX_PEM:
            fault = f"Longer than {MAX_PEM:,} characters."
        if fault:
            yield field, fault


def _fault(rule: Callable[..., Any], *given: Any) -> str:
    """Why `rule` refuses what is given; empty when it does not."""
    try:
        rule(*given)
    except PemError as error:
        return str(error)
    return ""
