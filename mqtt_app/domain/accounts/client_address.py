"""Where a request comes from. The one place that reads it, for the audit trail, log-ins and health
pages alike.
"""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any


def client_address(meta: Mapping[str, Any]) -> str | None:
    """The client's IP address as text, None when there is none (a Unix socket).

    From REMOTE_ADDR alone: what a header claims counts only where a trusted proxy has put it there.
    """
    try:
        address = ip_address(str(meta.get("REMOTE_ADDR", "")).partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
    else:
        mapped = None
    return str(mapped or address)
