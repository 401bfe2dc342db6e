"""How people reach a deployed Sitewire: the settings that follow from host and HTTPS. Standard
library only.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from project.local.refusal import Refusal

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
EVERYWHERE = "0.0.0.0"  # where the HTTPS proxy of a host listens that others know by name
OWN_SUFFIXES = (
    "local",
    "localhost",
    "lan",
    "internal",
    "home.arpa",
    "test",
    "example",
    "invalid",
)  # no CA signs these
HTTPS_NAMES = (
    "COMPOSE_PROFILES",
    "SITE_HOST",
    "HTTPS_BIND",
    "TRUSTED_PROXIES",
    "CADDY_CERTIFICATES",
    "SECURE_HSTS_SECONDS",
)
YEAR = 31_536_000  # s

_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
)


@dataclass(frozen=True, slots=True)
class Access:
    """`bind` is the address of this machine that is listened at; empty for the usual one."""

    host: str = "localhost"
    https: bool = False
    bind: str = ""

    @property
    def url(self) -> str:
        if self.https:
            return f"https://{self.host}/"
        return f"http://{self.host}:8000/"

    @property
    def is_local(self) -> bool:
        return self.host in LOOPBACK_NAMES

    def settings(self) -> dict[str, str | None]:
        """Variable -> value; None for those that must not be there."""
        hosts = [self.host, *(name for name in LOOPBACK_NAMES if name != self.host)]
        return {
            "ALLOWED_HOSTS": ",".join(hosts if self.is_local or not self.https else [self.host]),
            "HTTPS_ONLY": str(self.https).lower(),
            "WEB_BIND": None if self.https else self.bind or "127.0.0.1",
            **(self._of_https() if self.https else dict.fromkeys(HTTPS_NAMES)),
        }

    def _of_https(self) -> dict[str, str | None]:
        return {
            "COMPOSE_PROFILES": "https",
            "SITE_HOST": self.host,
            "HTTPS_BIND": self.bind or ("127.0.0.1" if self.is_local else EVERYWHERE),
            "TRUSTED_PROXIES": "caddy",
            "CADDY_CERTIFICATES": "internal" if _is_private(self.host) else "automatic",
            # Browsers remember it for the host as a whole, and localhost belongs to other programs,
            # too.
            "SECURE_HSTS_SECONDS": str(0 if self.is_local else YEAR),
        }


def valid_host(text: str) -> str:
    """In lower case, IPv6 in brackets. Refusal where no browser could ask for it."""
    host = text.strip().lower().removesuffix(".")
    address = _address(host)
    if address is not None:
        if isinstance(address, IPv6Address):
            return f"[{address}]"
        return str(address)
    if not _NAME.fullmatch(host) or host.rpartition(".")[2].isdigit():
        raise Refusal(
            f"{text!r} is not a host name. Give the name alone, as in sitewire.example.com: no scheme, port or path, "
            "and other letters than a-z as xn--...",
            code=2,
        )
    return host


def valid_bind(text: str) -> str:
    address = _address(text.strip())
    if address is None:
        raise Refusal(
            f"{text!r} is not an address of this machine; 0.0.0.0 stands for all of them.", code=2
        )
    if isinstance(address, IPv6Address):
        return f"[{address}]"
    return str(address)


def _is_private(host: str) -> bool:
    suffix = any(host == name or host.endswith(f".{name}") for name in OWN_SUFFIXES)
    return suffix or "." not in host or _address(host) is not None


def _address(text: str) -> object:
    try:
        return ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
