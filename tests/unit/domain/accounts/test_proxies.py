"""Who is behind a proxy, and what a stranger's headers are worth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.accounts.proxies import Client, client_of, normal, parse_proxies

OURS = parse_proxies(["10.0.0.0/24", "192.0.2.7", "2001:db8::/64"]).networks
addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)


@given(addresses, st.lists(st.text(max_size=40)), st.lists(st.text(max_size=20)))
def test_whatever_a_stranger_writes_the_client_is_the_stranger(
    peer: str, forwarded_for: list[str], proto: list[str]
) -> None:
    networks = parse_proxies(["198.51.100.200"]).networks
    if normal(peer) != "198.51.100.200":
        assert client_of(peer, forwarded_for, proto, networks) == Client(normal(peer))


@given(st.lists(st.text(max_size=40), max_size=5))
def test_the_address_that_our_proxy_saw_is_the_client_whatever_stands_before_it(
    written_by_the_caller: list[str],
) -> None:
    forged = ",".join(written_by_the_caller)
    assert client_of("10.0.0.5", [forged, "203.0.113.9"], [], OURS).address == "203.0.113.9"


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("10.0.0.5", "203.0.113.9", "203.0.113.9"),
        ("::ffff:10.0.0.5", "203.0.113.9", "203.0.113.9"),  # an IPv6 socket with an IPv4 peer
        ("2001:db8::1", "2001:db9::2", "2001:db9::2"),
        ("2001:db8::1%eth0", "203.0.113.9", "203.0.113.9"),
        (
            "10.0.0.5",
            "203.0.113.9, 10.0.0.6, 192.0.2.7",
            "203.0.113.9",
        ),  # three of our proxies in a row
        ("10.0.0.5", "1.1.1.1, 203.0.113.9, 10.0.0.6", "203.0.113.9"),
        ("10.0.0.5", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.5", "[2001:db9::2]:4711", "2001:db9::2"),
        ("10.0.0.5", "::ffff:203.0.113.9", "203.0.113.9"),
        ("10.0.0.5", "10.0.0.6", "10.0.0.6"),  # a proxy that itself is the client
        ("10.0.0.5", "203.0.113.9, unknown", "10.0.0.5"),
        ("10.0.0.5", "203.0.113.9, _hidden, 10.0.0.6", "10.0.0.6"),
        ("10.0.0.5", "", "10.0.0.5"),
        ("10.0.0.5", " , ,", "10.0.0.5"),
        ("10.0.1.0", "203.0.113.9", "10.0.1.0"),  # one beyond our network
        ("10.0.0.255", "203.0.113.9", "203.0.113.9"),  # its last address
        ("192.0.2.8", "203.0.113.9", "192.0.2.8"),
        ("", "203.0.113.9", ""),  # a unix socket
    ],
)
def test_the_first_address_from_the_right_that_is_no_proxy_is_the_client(
    peer: str, forwarded_for: str, client: str
) -> None:
    assert client_of(peer, [forwarded_for], [], OURS).address == client


@pytest.mark.parametrize(
    ("proto", "scheme"),
    [
        (["https"], "https"),
        (["HTTPS"], "https"),
        (["http"], "http"),
        (["https, http"], "http"),  # the caller's own claim stands before what our proxy saw
        (["https", "http"], "http"),
        (["ftp"], None),
        ([""], None),
        ([], None),
    ],
)
def test_the_scheme_is_what_our_proxy_saw(proto: list[str], scheme: str | None) -> None:
    assert client_of("10.0.0.5", ["203.0.113.9"], proto, OURS).scheme == scheme
    assert client_of("203.0.113.9", [], proto, OURS).scheme is None


def test_proxies_are_named_by_address_network_or_name() -> None:
    found = parse_proxies(["10.1.2.3/24", "::1", "Caddy", "proxy.example.com"])
    assert [str(network) for network in found.networks] == ["10.1.2.0/24", "::1/128"]
    assert found.names == ("caddy", "proxy.example.com")


@pytest.mark.parametrize("entry", ["0.0.0.0/0", "::/0", "1.2.3.4/0"])
def test_nobody_trusts_everybody_by_accident(entry: str) -> None:
    with pytest.raises(ValueError, match="everybody"):
        parse_proxies([entry])


@pytest.mark.parametrize(
    "entry", ["*", "", "10.0.0.0/33", "10.0.0.256", "a b", "http://proxy", "-", "a..b", "x" * 254]
)
def test_what_names_no_proxy_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="is not an address"):
        parse_proxies([entry])
