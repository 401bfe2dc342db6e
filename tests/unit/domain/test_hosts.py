from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.hosts import HostError, is_forbidden, validate_host


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("Broker.Example.COM", "broker.example.com"), ("my_broker", "my_broker"), ("localhost", "localhost"),
        ("bücher.example", "xn--bcher-kva.example"), ("192.0.2.1", "192.0.2.1"), ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"), ("1broker.example", "1broker.example"),
    ],
)  # fmt: skip
def test_good_hosts_come_back_in_the_form_to_dial(host, expected):
    assert validate_host(host) == expected


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("", "empty"), ("a..b", "empty"), ("no host name", "spaces"), ("mqtt://x", "scheme"), ("x/path", "slash"),
        ("user@x", "@"), ("x:1883", "port"), ("x.example.", "dot"), (".x", "empty"), ("x" * 254, "253"),
        ("x" * 64 + ".de", "63"), ("-x.de", "hyphens"), ("x!.de", "letters"), ("127.1", "four numbers"),
        ("2130706433", "four numbers"), ("0x7f000001", "four numbers"), ("256.1.1.1", "four numbers"),
        ("a\x00b", "letters"), ("\ud800", "no host name"),
    ],
)  # fmt: skip
def test_a_wrong_host_is_explained(host, says):
    with pytest.raises(HostError, match=says):
        validate_host(host)


@given(st.text(max_size=300))
def test_any_text_is_a_host_or_explained(text):
    try:
        host = validate_host(text)
    except HostError:
        return
    assert validate_host(host) == host


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("127.0.0.1", "loopback"), ("127.9.9.9", "loopback"), ("::1", "loopback"), ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("::", "unspecified"), ("169.254.1.1", "link-local"), ("fe80::1%eth0", "link-local"),
        ("169.254.169.254", "metadata"), ("fd00:ec2::254", "metadata"), ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"), ("::ffff:127.0.0.1", "loopback"), ("::ffff:169.254.169.254", "metadata"),
        ("64:ff9b::7f00:1", "loopback"), ("2002:7f00:1::", "loopback"), ("255.255.255.255", "broadcast"),
    ],
)  # fmt: skip
def test_addresses_that_reach_into_the_house_are_refused(address, says):
    assert says in (is_forbidden(address) or "")


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "192.168.1.5", "2001:db8::1", "fd12::1"])
def test_brokers_of_the_plant_are_allowed(address):
    assert is_forbidden(address) is None


def test_an_allowed_network_overrides_only_its_own_addresses():
    allowed = [ip_network("127.0.0.1/32"), ip_network("fd00:ec2::/64")]
    assert is_forbidden("127.0.0.1", allowed) is None
    assert is_forbidden("::ffff:127.0.0.1", allowed) is None
    assert is_forbidden("127.0.0.2", allowed)
