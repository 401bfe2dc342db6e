import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.link.hosts import HostError, validate_host


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("Broker.Example.COM", "broker.example.com"),
        ("my_broker", "my_broker"),
        ("localhost", "localhost"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("1broker.example", "1broker.example"),
    ],
)
def test_good_hosts_come_back_in_the_form_to_dial(host: str, expected: str) -> None:
    assert validate_host(host) == expected


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("", "empty"),
        ("a..b", "empty"),
        ("no host name", "spaces"),
        ("mqtt://x", "scheme"),
        ("x/path", "slash"),
        ("user@x", "@"),
        ("x:1883", "port"),
        ("x.example.", "dot"),
        (".x", "empty"),
        ("x" * 254, "253"),
        ("x" * 64 + ".de", "63"),
        ("-x.de", "hyphens"),
        ("x!.de", "letters"),
        ("127.1", "four numbers"),
        ("2130706433", "four numbers"),
        ("0x7f000001", "four numbers"),
        ("256.1.1.1", "four numbers"),
        ("a\x00b", "letters"),
        ("\ud800", "no host name"),
    ],
)
def test_a_wrong_host_is_explained(host: str, says: str) -> None:
    with pytest.raises(HostError, match=says):
        validate_host(host)


@given(st.text(max_size=300))
def test_any_text_is_a_host_or_explained(text: str) -> None:
    try:
        host = validate_host(text)
    except HostError:
        return
    assert validate_host(host) == host
