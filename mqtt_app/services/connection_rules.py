"""What must hold between the fields of a connection; the API and the admin ask here, so they say
the same.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mqtt_app.domain.link.pem import PemError, certificates, check_pair, private_key

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
        fault = _fault(lambda: check_pair(certificate, key))
    else:
        fault = ""
    if fault:
        return {"tls_client_key": fault}
    return {}


def _pem_errors(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    rules: dict[str, Callable[[str], Any]] = {
        "tls_ca_certificate": certificates,
        "tls_client_certificate": certificates,
        "tls_client_key": private_key,
    }
    for field, rule in rules.items():
        text = values.get(field) or ""
        fault = _fault(lambda rule=rule, text=text: rule(text)) if text else ""  # type: ignore[misc]
        if len(text) > MAX_PEM:
            fault = f"Longer than {MAX_PEM:,} characters."
        if fault:
            yield field, fault


def _fault(rule: Callable[[], Any]) -> str:
    try:
        rule()
    except PemError as error:
        return str(error)
    return ""
