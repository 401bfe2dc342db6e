"""How long a host name may be."""

import pytest

from mqtt_app.domain.link import hosts


def test_a_host_may_have_as_many_characters_as_names_have() -> None:
    longest = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
    assert hosts.validate_host(longest) == longest
    for wrong in (longest + "d", "a" * 64 + ".example"):
        with pytest.raises(hosts.HostError):
            hosts.validate_host(wrong)
