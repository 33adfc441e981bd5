from __future__ import annotations

from collections.abc import Sequence

import httpx
import pytest

from adapters.web.address_guard import AddressGuard, Refusal, Target
from adapters.web.public_addresses import is_public
from shared.errors import ServiceUnavailableError, SettingsError

PUBLIC = [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "93.184.216.34", "100.63.255.255",
    "100.128.0.0", "126.255.255.255", "128.0.0.1", "168.63.129.15", "168.63.129.17",
    "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255",
    "192.0.1.1", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.1",
    "223.255.255.255", "2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001::1",
    "2001:200::1", "2003::1", "64:ff9b::808:808",
]  # fmt: skip
NOT_PUBLIC = [
    "0.0.0.0", "0.255.255.255",  # this network
    "10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1",  # private
    "100.64.0.0", "100.127.255.255", "100.100.100.200",  # carrier-grade NAT; Alibaba's metadata
    "127.0.0.1", "127.255.255.254",  # loopback
    "169.254.0.1", "169.254.169.254", "169.254.170.2",  # link-local; metadata of most clouds
    "168.63.129.16",  # Azure
    "192.0.0.1", "192.0.0.192", "192.0.0.9",  # protocol assignments; Oracle Cloud
    "192.0.2.1", "198.51.100.1", "203.0.113.1",  # documentation
    "192.88.99.1", "198.18.0.1", "198.19.255.255",  # 6to4 relay, benchmarking
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",  # multicast, reserved
    "::", "::1", "::7f00:1", "::8.8.8.8",  # unspecified, loopback, IPv4-compatible
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1",  # IPv4-mapped
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1",  # NAT64 to the inside
    "64:ff9b:1::1", "64:ff9b:1::808:808",  # local NAT64
    "2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1",  # 6to4
    "2001::1", "2001:0:7f00:1::", "2001:10::1", "2001:20::1", "2001:2::1",  # Teredo, ORCHID
    "2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a00:1",  # ISATAP
    "2001:db8::1", "3fff::1", "3fff:fff::1",  # documentation
    "100::1", "5f00::1", "4000::1", "e000::1",  # discard, not assigned
    "fc00::1", "fd00:ec2::254", "fdff::1",  # unique local; Amazon's metadata
    "fe80::1", "fe80::1%eth0", "2606:4700::1%eth0", "febf::1", "fec0::1",  # link- and site-local
    "ff02::1", "ff0e::1",  # multicast
    "", "localhost", "1.1.1", "01.1.1.1", "0x7f.0.0.1", "1.1.1.1 ", "[::1]", "1.1.1.1/32",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_leads_inside_or_nowhere_is_not_public(address: str) -> None:
    assert not is_public(address)


def guard(
    *addresses: str, allowed: Sequence[str] = (), asked: list[str] | None = None
) -> AddressGuard:
    """A guard for which every name has these addresses."""

    def resolve(host: str, _port: int) -> Sequence[str]:
        if asked is not None:
            asked.append(host)
        return addresses

    return AddressGuard(allowed, resolve=resolve)


async def test_a_public_url_becomes_a_target_pinned_to_its_addresses() -> None:
    vetted = await guard("1.1.1.1", "2606:4700::1").vet("https://hooks.example.com/in?a=b")
    assert isinstance(vetted, Target)
    assert (vetted.host, vetted.port) == ("hooks.example.com", 443)
    assert vetted.addresses == ("1.1.1.1", "2606:4700::1")


async def test_one_inner_address_among_public_ones_refuses_the_host() -> None:
    assert isinstance(await guard("1.1.1.1", "10.0.0.1").vet("https://hooks.example.com/"), Refusal)


async def test_a_refusal_tells_no_address() -> None:
    sentence = await guard("10.20.30.40").check_url("https://inside.example.com/")
    assert sentence is not None
    assert "10.20" not in sentence
    assert "inside.example.com is not on the public internet" in sentence


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://hooks.example.com/", "https://"),
        ("https://user:word@hooks.example.com/", "user name"),
        ("https://user@hooks.example.com/", "user name"),
        ("https://hooks.example.com:22/", "port 22"),
        ("https://hooks.example.com:80/", "port 80"),
        ("https://hooks.example.com:1023/", "port 1023"),
        ("ftp://hooks.example.com/", "no URL"),
        ("file:///etc/passwd", "no URL"),
        ("https:///path", "no URL"),
        ("https://", "no URL"),
        ("//hooks.example.com/", "no URL"),
        ("hooks.example.com", "no URL"),
        ("", "no URL"),
        ("https://hooks.example.com/\r\nHost: x", "no URL"),
        ("https://hooks.example.com:99999/", "no URL"),
        ("https://hooks.example.com:0/", "no URL"),
        ("https://[::1", "no URL"),
        ("https://ex ample.com/", "no URL"),
        ("https://hooks.example.com/" + "x" * 2000, "no URL"),
    ],
)
async def test_a_url_of_another_form_is_refused_unasked(url: str, words: str) -> None:
    asked: list[str] = []
    sentence = await guard("1.1.1.1", asked=asked).check_url(url)
    assert words in (sentence or "")
    assert asked == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0", "localhost",
        "localhost.", "LOCALHOST", "[::1]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]", "169.254.169.254", "[fe80::1]", "10.0.0.1", "192.168.1.1",
        "%31%32%37.0.0.1", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021",
    ],
)  # fmt: skip
async def test_no_way_to_write_an_inner_address_passes(host: str) -> None:
    assert await AddressGuard().check_url(f"https://{host}/") is not None


async def test_a_url_that_parsers_disagree_about_is_vetted_by_the_host_that_is_called() -> None:
    for url in ("https://good.example\\@127.0.0.1/", "https://good.example#@127.0.0.1/"):
        asked: list[str] = []
        vetted = await guard("1.1.1.1", asked=asked).vet(url)
        if isinstance(vetted, Target):
            assert asked == [vetted.host]
            assert vetted.url.copy_with(host="1.1.1.1").host == "1.1.1.1"


async def test_a_name_that_does_not_exist_is_refused() -> None:
    assert "no host named" in ((await guard().check_url("https://nowhere.example/")) or "")


async def test_a_name_that_cannot_be_looked_up_now_passes_until_it_is_called() -> None:
    def resolve(_host: str, _port: int) -> Sequence[str]:
        raise ServiceUnavailableError("name resolution")

    unlucky = AddressGuard(resolve=resolve)
    assert await unlucky.check_url("https://hooks.example.com/") is None
    with pytest.raises(ServiceUnavailableError):
        await unlucky.vet("https://hooks.example.com/")


async def test_a_host_that_is_allowed_by_name_may_be_anywhere_by_http_and_on_any_port() -> None:
    inside = guard("10.0.0.1", allowed=["Intern.Example", "10.9.9.9", "::1"])
    assert await inside.check_url("http://intern.example:81/") is None
    assert await inside.check_url("http://10.9.9.9/") is None
    assert await inside.check_url("http://[::1]:8080/") is None
    assert await inside.check_url("https://other.example/") is not None
    assert await inside.check_url("https://sub.intern.example/") is not None
    assert await inside.check_url("https://user@intern.example/") is not None


async def test_an_allowed_network_is_open_by_https() -> None:
    inside = guard("10.1.2.3", allowed=["10.1.0.0/16"])
    assert await inside.check_url("https://anything.example/") is None
    assert await inside.check_url("http://anything.example/") is not None
    assert (
        await guard("10.2.0.1", allowed=["10.1.0.0/16"]).check_url("https://x.example/") is not None
    )


@pytest.mark.parametrize("entry", ["10.0.0.0/99", "10.0.0.1/8", "1.2.3.4.5", "::zz"])
def test_an_allowed_network_that_is_none_is_named(entry: str) -> None:
    with pytest.raises(SettingsError, match="WEBHOOK_ALLOW"):
        AddressGuard([entry])


async def test_an_international_name_is_looked_up_as_the_certificate_names_it() -> None:
    asked: list[str] = []
    await guard("1.1.1.1", asked=asked).vet("https://blåbær.example/")
    assert asked == ["xn--blbr-roah.example"]


async def test_the_pinned_url_keeps_path_query_and_port() -> None:
    vetted = await guard("2606:4700::1").vet("https://hooks.example.com:8443/in?a=b")
    assert isinstance(vetted, Target)
    pinned = vetted.url.copy_with(host=vetted.addresses[0])
    assert pinned == httpx.URL("https://[2606:4700::1]:8443/in?a=b")
