from pathlib import Path
from typing import Any

from mqtt_app.mqtt.link import tls
from tests.brokers import CertificateAuthority


def test_links_with_the_same_tls_settings_share_what_takes_memory(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "ca": CertificateAuthority(tmp_path).pem,
        "certificate": "",
        "key": "",
        "verify": True,
    }
    assert tls.context(**settings) is tls.context(**settings)
    assert tls.context(**settings) is not tls.context(**settings | {"verify": False})
