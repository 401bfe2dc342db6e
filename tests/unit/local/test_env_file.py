"""The `.env` file: what is read in it, and that everything else in it stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from project.local.deploy.access import Access, valid_bind, valid_host
from project.local.deploy.env_file import changed, parse
from project.local.refusal import Refusal

names = st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True)
values = st.text(st.sampled_from("abcXYZ019-_=:,.[]@/ "), max_size=20).map(str.strip)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A = b ", "b"),
        ("export A=b", "b"),
        ("A='b c'", "b c"),
        ('A="b"', "b"),
        ("A=", ""),
        ("A=b=c#d", "b=c#d"),
    ],
)
def test_a_line_is_read_as_compose_reads_it(line: str, value: str) -> None:
    assert parse(line) == {"A": value}


@pytest.mark.parametrize("line", ["# A=b", "", "A", "1A=b", "=b", "A B=c"])
def test_other_lines_are_nothing(line: str) -> None:
    assert parse(line) == {}


@given(st.dictionaries(names, values), st.dictionaries(names, st.none() | values))
def test_what_is_changed_is_changed_and_nothing_else(
    before: dict[str, str], changes: dict[str, str | None]
) -> None:
    text = "# mine\n" + "".join(f"{name}={value}\n" for name, value in before.items())
    after = changed(text, changes)
    expected = {name: value for name, value in (before | changes).items() if value is not None}
    assert parse(after) == expected
    assert after.startswith("# mine\n")


def test_a_name_that_stands_there_twice_is_changed_in_both_places() -> None:
    assert changed("A=1\nA=2\n", {"A": "3"}) == "A=3\nA=3\n"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Sitewire.Example.COM", "sitewire.example.com"),
        ("a.b.", "a.b"),
        ("localhost", "localhost"),
        ("10.0.0.5", "10.0.0.5"),
        ("::1", "[::1]"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_a_host_has_one_form(text: str, host: str) -> None:
    assert valid_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "*.a.b",
        ".a.b",
        "https://a.b",
        "a.b:8000",
        "a.b/c",
        "a b",
        "a,b",
        "",
        " ",
        "a..b",
        "-a.b",
        "10.0.0.256",
        "bücher.example",
        "a\nB=1",
        "$HOST",
        "x" * 254,
    ],
)
def test_what_no_browser_asks_for_is_no_host(text: str) -> None:
    with pytest.raises(Refusal, match="not a host name"):
        valid_host(text)


@pytest.mark.parametrize("text", ["eth0", "1.2.3", "0.0.0.0:80", ""])
def test_what_is_no_address_is_not_listened_at(text: str) -> None:
    with pytest.raises(Refusal, match="not an address"):
        valid_bind(text)


def test_plain_http_is_for_this_machine_unless_somebody_says_otherwise() -> None:
    assert Access().settings()["WEB_BIND"] == "127.0.0.1"
    assert Access("lab.lan").settings()["WEB_BIND"] == "127.0.0.1"
    assert Access("lab.lan", bind="0.0.0.0").settings()["WEB_BIND"] == "0.0.0.0"


@pytest.mark.parametrize(
    ("host", "certificates", "bind", "remembered"),
    [
        ("sitewire.example.com", "automatic", "0.0.0.0", "31536000"),
        ("lab", "internal", "0.0.0.0", "31536000"),
        ("lab.lan", "internal", "0.0.0.0", "31536000"),
        ("10.0.0.5", "internal", "0.0.0.0", "31536000"),
        ("localhost", "internal", "127.0.0.1", "0"),
        ("[::1]", "internal", "127.0.0.1", "0"),
    ],
)
def test_https_takes_the_certificates_that_its_host_can_have(
    host: str, certificates: str, bind: str, remembered: str
) -> None:
    settings = Access(host, https=True).settings()
    assert settings["CADDY_CERTIFICATES"] == certificates
    assert settings["HTTPS_BIND"] == bind
    assert settings["SECURE_HSTS_SECONDS"] == remembered
