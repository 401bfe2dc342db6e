"""Where a broker may be: every range at its edges and one beyond, in every form an address can
have.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.link.addresses import RANGES, AddressPolicy, Private, judge, opens_nothing
from mqtt_app.domain.link.broker_settings import policy_of, problems, useless

EVERYTHING = policy_of(["0.0.0.0/0", "::/0"], "allow")
NEVER = (
    ("169.254.169.254", "metadata"),
    ("169.254.170.2", "metadata"),
    ("169.254.170.23", "metadata"),
    ("169.254.169.253", "metadata"),
    ("169.254.169.123", "metadata"),
    ("169.254.0.23", "metadata"),
    ("169.254.42.42", "metadata"),
    ("168.63.129.16", "metadata"),
    ("100.100.100.200", "metadata"),
    ("192.0.0.192", "metadata"),
    ("fd00:ec2::254", "metadata"),
    ("fd00:ec2::23", "metadata"),
    ("fd20:ce::254", "metadata"),
    ("fd00:c1::a9fe:a9fe", "metadata"),
    ("fd00:42::42", "metadata"),
    ("fe80::a9fe:a9fe", "metadata"),
    ("fe80::a9fe:a9fe%eth0", "metadata"),
    ("fd00:a9fe:a9fe::1", "metadata"),
    ("0.0.0.0", "unspecified"),
    ("0.255.255.255", "unspecified"),
    ("::", "unspecified"),
    ("255.255.255.255", "broadcast"),
    ("224.0.0.0", "multicast"),
    ("239.255.255.255", "multicast"),
    ("ff00::", "multicast"),
    ("ff02::1", "multicast"),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
)
LISTED = (
    ("127.0.0.0", "loopback"),
    ("127.255.255.255", "loopback"),
    ("::1", "loopback"),
    ("169.254.0.0", "link-local"),
    ("169.254.255.255", "link-local"),
    ("fe80::", "link-local"),
    ("febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"),
    ("fe80::1%eth0", "link-local"),
    ("fec0::", "site-local"),
    ("feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "site-local"),
    ("240.0.0.0", "reserved"),
    ("255.255.255.254", "reserved"),
    ("192.0.0.0", "reserved"),
    ("192.0.0.255", "reserved"),
    ("192.88.99.1", "reserved"),
    ("100::1", "reserved"),
    ("1fff::1", "reserved"),
    ("4000::", "reserved"),
    ("fbff::1", "reserved"),
    ("fe7f::1", "reserved"),
    ("5f00::1", "reserved"),
    ("3fff::1", "reserved"),
    ("2001:1::1", "reserved"),
    ("2001:1ff::1", "reserved"),
    ("64:ff9a::1", "reserved"),
)
PRIVATE = (
    "10.0.0.0",
    "10.255.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.168.0.0",
    "192.168.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "198.18.0.0",
    "198.19.255.255",
    "fc00::",
    "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
)
PUBLIC = (
    "1.0.0.0",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "191.255.255.255",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "192.0.2.1",
    "2001:200::",
    "2003::1",
    "2606:4700::1111",
    "2001:db8::1",
    "3ffe::1",
    "3fff:1000::",
)
FORMS = {  # an IPv4 address in IPv6, as hexadecimal `{0}` and `{1}`
    "mapped": "::ffff:{0}:{1}",
    "compatible": "::{0}:{1}",
    "translated": "::ffff:0:{0}:{1}",
    "6to4": "2002:{0}:{1}::1",
    "Teredo client": "2001:0:808:808:0:0:{2}:{3}",
    "Teredo server": "2001:0:{0}:{1}:0:0:f7f7:f7f7",
    "NAT64": "64:ff9b::{0}:{1}",
    "local NAT64 /96": "64:ff9b:1::{0}:{1}",
    "ISATAP": "2001:db8::5efe:{0}:{1}",
    "ISATAP, unique": "2001:db8::200:5efe:{0}:{1}",
    "ISATAP, link-local": "fe80::5efe:{0}:{1}",
}


def written(form: str, address: str) -> str:
    number = int(IPv4Address(address))
    other = number ^ 0xFFFFFFFF
    return FORMS[form].format(
        *(f"{part:x}" for part in (number >> 16, number & 0xFFFF, other >> 16, other & 0xFFFF))
    )


def refusal(address: str, policy: AddressPolicy = EVERYTHING, host: str = "") -> str:
    return judge(address, policy, host).refusal


@pytest.mark.parametrize(("address", "says"), NEVER)
def test_some_addresses_stay_closed_whatever_is_listed(address: str, says: str) -> None:
    exactly = policy_of([address.partition("%")[0], "trusted.example"], "allow")
    for policy in (AddressPolicy(), EVERYTHING, exactly):
        assert says in refusal(address, policy, "trusted.example")


@pytest.mark.parametrize(("address", "says"), LISTED)
def test_others_are_open_to_whoever_lists_them_and_not_by_the_way(address: str, says: str) -> None:
    assert says in refusal(address, AddressPolicy())
    assert says in refusal(address, EVERYTHING)
    plain = address.partition("%")[0]
    opened = judge(address, policy_of([plain], "refuse"))
    assert (opened.refusal, ip_address(opened.opened_by.partition("/")[0])) == (
        "",
        ip_address(plain),
    )
    by_name = judge(address, policy_of(["Trusted.example"], "refuse"), "trusted.example")
    assert (by_name.refusal, by_name.opened_by) == ("", "trusted.example")
    assert says in refusal(address, policy_of(["trusted.example"], "allow"), "other.example")


@pytest.mark.parametrize("address", PRIVATE)
def test_private_networks_are_as_the_installation_says(address: str) -> None:
    mine = [address, "10.0.0.0/7", "0.0.0.0/0", "::/0"]
    assert judge(address, AddressPolicy()).opened_by == refusal(address, AddressPolicy()) == ""
    assert "private" in refusal(address, policy_of(["0.0.0.0/0", "::/0", "10.0.0.0/7"], "listed"))
    assert refusal(address, policy_of(mine, "listed")) == ""
    assert judge(address, policy_of(mine, "listed")).opened_by
    assert refusal(address, policy_of(["inner.example"], "listed"), "inner.example") == ""
    assert "private" in refusal(
        address, policy_of([*mine, "inner.example"], "refuse"), "inner.example"
    )


@pytest.mark.parametrize("address", PUBLIC)
@pytest.mark.parametrize("private", Private)
def test_public_addresses_need_no_entry(address: str, private: Private) -> None:
    assert judge(address, AddressPolicy(private=private)).refusal == ""
    assert judge(address, policy_of([address], private)).opened_by == ""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "inner", ["169.254.169.254", "168.63.129.16", "224.0.0.1", "255.255.255.255"]
)
def test_no_form_of_a_closed_address_is_open(form: str, inner: str) -> None:
    for policy in (
        AddressPolicy(),
        EVERYTHING,
        policy_of([inner, written(form, inner), "x.example"], "allow"),
    ):
        assert inner in refusal(written(form, inner), policy, "x.example")


@pytest.mark.parametrize("form", FORMS)
def test_no_form_of_a_loopback_address_is_open_unless_it_is_listed(form: str) -> None:
    address = written(form, "127.0.0.1")
    assert "127.0.0.1, a loopback address" in refusal(address)
    assert refusal(address, policy_of(["127.0.0.0/8"], "allow")) == ""


@pytest.mark.parametrize("form", FORMS)
def test_only_ways_that_networks_have_to_take_lead_to_public_addresses(form: str) -> None:
    allowed = form in {"mapped", "NAT64"}
    assert (refusal(written(form, "8.8.4.4")) == "") is allowed


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("private", ["listed", "refuse"])
def test_no_form_leads_into_a_private_network_that_is_closed(form: str, private: str) -> None:
    assert refusal(written(form, "10.1.2.3"), policy_of([], private))


@pytest.mark.parametrize(
    "address", ["64:ff9b:1:7f00:0:100::", "64:ff9b:1:aa7f:0:1::", "64:ff9b:1:aabb:7f:0:100:0"]
)
def test_local_nat64_is_read_with_every_length_of_its_prefix(address: str) -> None:
    assert "127.0.0.1, a loopback" in refusal(address)


@given(st.integers(0, 2**32 - 1))
def test_every_ipv4_address_is_judged_alike_as_itself_and_as_mapped(number: int) -> None:
    address = IPv4Address(number)
    mapped = IPv6Address(f"::ffff:{address}")
    assert bool(judge(address).refusal) == bool(judge(mapped).refusal)


@given(st.integers(0, 2**128 - 1))
def test_every_ipv6_address_has_a_verdict_and_only_global_ones_are_open_to_all(number: int) -> None:
    address = IPv6Address(number)
    if not judge(address, AddressPolicy(private=Private.REFUSE)).refusal:
        assert (
            address in ip_network("2000::/3")
            or address in ip_network("64:ff9b::/96")
            or address.ipv4_mapped
        )


# The settings


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("10.0.0.1/8", "Write 10.0.0.0/8"),
        ("10.0.0.0/33", "prefix"),
        ("10.0.0/8", "prefix"),
        ("::/129", "prefix"),
        ("*.example.com", "wildcard"),
        ("mqtt://x", "scheme"),
        ("a..b", "empty"),
        ("300.1.1.1", "four numbers"),
        ("host name", "spaces"),
        ("x:1883", "port"),
        ("10.0.0.0/8 ", "prefix"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_named(entry: str, says: str) -> None:
    (found,) = problems(["127.0.0.0/8", entry, "ok.example"], "allow", [])
    assert "SITEWIRE_BROKER_ALLOW" in found
    assert entry in found
    assert says in found


@pytest.mark.parametrize("private", ["", "no", "Allow", "deny"])
def test_another_word_for_private_networks_is_refused_with_the_three_that_there_are(
    private: str,
) -> None:
    assert list(problems([], private, [])) == [
        f"SITEWIRE_BROKER_PRIVATE is {private!r}; set it to allow, listed, refuse."
    ]


@pytest.mark.parametrize(
    "entry", ["web", "web:", ":8000", "web:0", "web:65536", "web:x", "http://web:80", "a@b:1"]
)
def test_an_own_service_has_a_host_and_a_port(entry: str) -> None:
    (found,) = problems([], "allow", ["web:8000", "[::1]:5555", entry])
    assert repr(entry) in found


def test_entries_that_open_nothing_are_named() -> None:
    entries = [
        "0.0.0.0/0",
        "::/0",
        "8.8.8.8",
        "169.254.169.254",
        "127.0.0.0/8",
        "10.1.0.0/16",
        "x.example",
        "::1",
    ]
    assert useless(entries) == entries[:4]
    assert all(opens_nothing(network) for one in RANGES[:4] for network in one.networks)
