"""Nothing reaches what only this host reaches: a listener on loopback counts who connects, whatever a URL looks like.

The process itself is watched too: towards addresses where no listener can stand, it does not even try.
"""

import ipaddress
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from relying_parties.jwks.remote_keys import KeySource, fetch_keys
from runtime.outbound.fetching import FetchError, fetch_json
from runtime.outbound.public_addresses import may_fetch_from
from runtime.outbound.remote_url import url_problem
from tests.fetching.certificates import Authority
from tests.fetching.conftest import HOSTS
from tests.fetching.site import Canary, Site, serves, site

pytestmark = pytest.mark.contract("P7.8")

Names = Callable[..., list[str]]

ANY = "0.0.0.0"  # noqa: S104 - nothing is bound to it
LOOPBACK = [
    "127.0.0.1", "localhost", "LOCALHOST", "[::1]", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7F.1",
    "0x7f.0.0.1", "0177.0.0.1", "017700000001", "00000177.0.0.1", "127.0.0.1.", "localhost.", "127.0.0.1%00",
    "127.0.0.1%2f", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:1]", "[0:0:0:0:0:0:0:1]",
    "[::0001]", "[::127.0.0.1]", "[::1%25lo]", "[::1%lo]", "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]", "[::ffff:0:127.0.0.1]", "[2001:0:7f00:1::]", ANY, "0", "0x0", "[::]", "127.255.255.254",
    "127.0.0.1\t", " 127.0.0.1", "127.0.0.1\n", "\u0661\u0662\u0667.0.0.1",
    "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3", "127\u30020\u30020\u30021",
    "public.example@127.0.0.1", "public.example:443@127.0.0.1", "a@b@127.0.0.1", "127.0.0.1\\@public.example",
    "public.example\\@127.0.0.1", "public.example#@127.0.0.1", "public.example?@127.0.0.1", "@127.0.0.1",
    "[127.0.0.1]", "127.0.0.1#", "[::1].public.example", "[v1.127.0.0.1]", "",
]  # fmt: skip
"""The canary's host in every spelling that some library understands, and hosts that some would mistake for another."""

ELSEWHERE = [
    "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "[fe80::1]", "[fe80::a9fe:a9fe%25eth0]",
    "[fd00:ec2::254]", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1",
    "192.0.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255", "0.1.2.3", "[fc00::1]", "[fec0::1]", "[ff02::1]", "[100::1]", "[2001:db8::1]",
    "[3fff::1]", "[5f00::1]", "[64:ff9b:1::a00:1]", "[64:ff9b::a00:1]", "[2002:a00:1::]", "[::a00:1]",
    "[2001:0:0a00:1::f5ff:fffe]", "[2001:0:808:808::f5ff:fffe]",
]  # fmt: skip
"""Addresses that no stranger may be sent to."""

OTHERS = [
    "http://127.0.0.1:{port}/", "HTTP://127.0.0.1:{port}/", "HTTPS://127.0.0.1:{port}/", "hTTps://127.0.0.1:{port}/",
    "//127.0.0.1:{port}/", "127.0.0.1:{port}", "https:/127.0.0.1:{port}/", "https:127.0.0.1:{port}/",
    "https:///127.0.0.1:{port}/", "https:\\\\127.0.0.1:{port}\\", " https://127.0.0.1:{port}/", "\thttps://127.0.0.1:{port}/",
    "https://\n127.0.0.1:{port}/", "ht\ntps://127.0.0.1:{port}/", "file:///etc/passwd", "file://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/", "gopher://127.0.0.1:{port}/_GET", "dict://127.0.0.1:{port}/", "ldap://127.0.0.1:{port}/",
    "data:application/json,{{}}", "jar:https://127.0.0.1:{port}/!/", "url:https://127.0.0.1:{port}/",
    "unix:///run/docker.sock", "http+unix://%2Frun%2Fdocker.sock/", "https://unix:/run/docker.sock:/",
    "https://%2Frun%2Fdocker.sock/", "https://127.0.0.1:{port}:443/", "https://127.0.0.1:0{port}/",
    "https://127.0.0.1:+{port}/", "https://127.0.0.1:{port}\r\nX: y/", "https://127.0.0.1:{port}/ HTTP/1.1\r\nX: y",
    "https://127.0.0.1:{port}/#", "https://127.0.0.1:65536/", "https://127.0.0.1:0/", "https://127.0.0.1:/", "",
]  # fmt: skip


def refused(url: str) -> str:
    with pytest.raises(FetchError) as caught:
        fetch_json(url, ends_at=time.monotonic() + 2)
    return str(caught.value)


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("host", LOOPBACK, ids=ascii)
def test_no_spelling_of_loopback_is_reached(
    bird: Canary, connects: list[Any], scheme: str, host: str
) -> None:
    refused(f"{scheme}://{host}:{bird.port}/jwks")
    refused(f"{scheme}://{host}/jwks")
    assert (bird.connections, connects) == (0, [])


@pytest.mark.parametrize("host", ELSEWHERE)
def test_no_address_of_a_network_is_tried(connects: list[Any], host: str) -> None:
    refused(f"https://{host}/latest/meta-data/")
    refused(f"http://{host}/latest/meta-data/")
    assert connects == []


@pytest.mark.parametrize("url", OTHERS, ids=ascii)
def test_nothing_but_a_plain_https_url_is_fetched(bird: Canary, connects: list[Any], url: str) -> None:
    refused(url.format(port=bird.port))
    assert (bird.connections, connects) == (0, [])


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", ANY, "10.0.0.1", "169.254.169.254", "224.0.0.1", "::1", "::", "::ffff:127.0.0.1",
     "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1%1", "::127.0.0.1", "ff02::1"],
)  # fmt: skip
@pytest.mark.parametrize("place", [0, 1])
def test_no_name_leads_there(connects: list[Any], names: Names, address: str, place: int) -> None:
    addresses = ["8.8.8.8"]
    addresses.insert(place, address)
    names("public.example", addresses)
    assert f"public.example has the address {address}, which is not public" in refused(
        "https://public.example/"
    )
    assert connects == []


PUBLIC = [
    "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1", "2001:4860:4860::8888", "::ffff:8.8.8.8",
    "64:ff9b::808:808", "2002:808:808::1", "2001:0:808:808::f7f7:f7f7",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_fetched_from(address: str) -> None:
    assert may_fetch_from(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd00::1", "127.0.0.1"]
)
def test_an_allowed_network_may_be_fetched_from_and_no_other(settings: Settings, address: str) -> None:
    networks = ("10.1.0.0/16", "fd00::/64", "127.0.0.1/32")
    settings.FETCH_ALLOWED_NETWORKS = tuple(map(ipaddress.ip_network, networks))
    assert may_fetch_from(ipaddress.ip_address(address))
    for other in ("10.2.0.1", "::ffff:10.2.0.1", "64:ff9b::10.2.0.1", "fd01::1", "127.0.0.2", "::1"):
        assert not may_fetch_from(ipaddress.ip_address(other))


# From a server that may be fetched from


@pytest.fixture
def neighbour(settings: Settings, authority: Authority) -> Iterator[Site]:
    """The only server that is allowed: at 127.0.0.2, a step away from the canary."""
    settings.FETCH_CA_FILE = str(authority.bundle)
    settings.FETCH_ALLOWED_NETWORKS = (ipaddress.ip_network("127.0.0.2/32"),)
    with site(authority.issue(*HOSTS), "127.0.0.2") as running:
        yield running


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
def test_no_redirect_leads_there(neighbour: Site, bird: Canary, connects: list[Any], status: int) -> None:
    for scheme in ("https", "http"):
        target = f"{scheme}://127.0.0.1:{bird.port}/"
        neighbour.answer = serves(
            {}, status, Location=target, Content_Location=target, Refresh=f"0; {target}"
        )
        refused(neighbour.url())
    assert bird.connections == 0
    assert connects == 2 * [("127.0.0.2", neighbour.port)]


@pytest.mark.parametrize("host", LOOPBACK, ids=ascii)
def test_no_jwks_uri_leads_there(neighbour: Site, bird: Canary, connects: list[Any], host: str) -> None:
    for scheme in ("https", "http"):
        jwks_uri = f"{scheme}://{host}:{bird.port}/jwks"
        neighbour.answer = serves({"issuer": neighbour.url(""), "jwks_uri": jwks_uri})
        with pytest.raises(FetchError):
            fetch_keys(KeySource("discovery", neighbour.url("")))
    assert bird.connections == 0
    assert connects == 2 * [("127.0.0.2", neighbour.port)]


def test_no_proxy_of_the_environment_is_asked(
    neighbour: Site, bird: Canary, connects: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "socks_proxy"):
        for spelling in (name, name.upper()):
            monkeypatch.setenv(spelling, f"http://127.0.0.1:{bird.port}")
    assert fetch_json(neighbour.url()) == {}
    assert bird.connections == 0
    assert connects == [("127.0.0.2", neighbour.port)]


def test_the_canary_hears_who_is_allowed(
    settings: Settings, bird: Canary, connects: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FETCH_ALLOWED_NETWORKS = tuple(map(ipaddress.ip_network, ("127.0.0.0/8", "::1/128")))
    for host in ("127.0.0.1", "[::1]"):
        with pytest.raises(FetchError, match="did not answer"):
            fetch_json(f"https://{host}:{bird.port}/", ends_at=time.monotonic() + 0.2)
    assert (bird.connections, len(connects)) == (2, 2)


# The text of a URL


@pytest.mark.parametrize(
    "url",
    ["https://idp.example.com", "https://idp.example.com/", "https://IDP.Example.com:8443/a/b?c=d", "https://localhost/jwks",
     "https://192.0.2.1/", "https://[2001:db8::1]:1/", "https://xn--bcher-kva.example/", "https://a_b.c-d.example/%C3%A9",
     "https://idp.example.com?a=https://b/@c", "https://idp.example.com/a@b:c", "https://1.example/", "https://0x.example/",
     "https://idp.example.com:443/", "https://" + "a" * 63 + ".example/", "https://a.example/" + "b" * 1_982],
)  # fmt: skip
def test_a_plain_https_url_has_no_problem(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.parametrize(
    ("url", "problem"),
    [("http://idp.example.com/", "must begin with https://"),
     ("HTTPS://idp.example.com/", "must begin with https://, in lower case"),
     ("https://user:password@idp.example.com/", "no user name or password"),
     ("https://idp.example.com/#keys", "leave out what follows the #"),
     ("https://bücher.example/", "those of a name as xn--"),
     ("https://idp.example.com/a b", "write other characters of it as %XX"),
     ("https://idp.example.com/%2", "write other characters of it as %XX"),
     ("https://idp.example.com./", "without a dot at its end"),
     ("https://idp..example.com/", "a name such as idp.example.com"),
     ("https://-idp.example.com/", "a name such as idp.example.com"),
     ("https://" + "a" * 64 + ".example/", "a name such as idp.example.com"),
     ("https://" + "a." * 130 + "example/", "a name such as idp.example.com"),
     ("https://", "a name such as idp.example.com"),
     ("https://127.1/", "four decimal numbers"),
     ("https://[::1%25lo]/", "without a zone"),
     ("https://[0::1]/", "in its shortest form"),
     ("https://[::ffff:10.0.0.1]/", "Write the IPv4 address 10.0.0.1 itself"),
     ("https://[idp.example.com]/", "such as [2001:db8::1]"),
     ("https://idp.example.com:99999/", "a port from 1 to 65535"),
     ("https://idp.example.com:x/", "a port from 1 to 65535"),
     ("https://a.example/" + "b" * 1_983, "at most 2,000 characters")],
)  # fmt: skip
def test_a_problem_says_what_to_write(url: str, problem: str) -> None:
    found = url_problem(url)
    assert found is not None
    assert problem in found
    assert "password@" not in refused(url)
