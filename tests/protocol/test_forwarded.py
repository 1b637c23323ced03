"""P9.1: what proxies say is believed from trusted ones only, hop by hop."""

import ipaddress

import pytest
from pytest_django import Settings

from relying_parties.models import RelyingParty
from runtime.proxies import believed
from tests.support.cast import Cast
from tests.support.wire import Headers, ask, assert_refused, last_event

PROXY, CLIENT = "10.0.0.1", "203.0.113.9"
ELSEWHERE = [
    ("Forwarded", "for=6.6.6.6"), ("X-Real-IP", "6.6.6.6"), ("X-Client-IP", "6.6.6.6"), ("True-Client-IP", "6.6.6.6"),
    ("CF-Connecting-IP", "6.6.6.6"), ("Remote-Addr", "6.6.6.6"), ("X-Forwarded-Client-Cert", "x"), ("Client-Cert", "x"),
]  # fmt: skip


@pytest.fixture
def _trusted(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


def address_recorded(cast: Cast, *, peer: str, headers: Headers) -> str:
    assert ask(auth=cast.basic("billing"), peer=peer, headers=headers).status == 200
    return last_event().ip


@pytest.mark.contract("P9.1")
@pytest.mark.parametrize("peer", [CLIENT, PROXY, "127.0.0.1", "::1"])
def test_without_trusted_proxies_nothing_is_believed(cast: Cast, peer: str) -> None:
    headers = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Proto", "https"), *ELSEWHERE]
    assert address_recorded(cast, peer=peer, headers=headers) == peer


@pytest.mark.contract("P9.1")
@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        (CLIENT, [], CLIENT),
        (CLIENT, ["6.6.6.6"], CLIENT),
        (CLIENT, ["6.6.6.6, 10.0.0.2"], CLIENT),
        (PROXY, [], PROXY),
        (PROXY, [CLIENT], CLIENT),
        (PROXY, [f"6.6.6.6, {CLIENT}"], CLIENT),
        (PROXY, [f"6.6.6.6, {CLIENT}, 10.0.0.2"], CLIENT),
        (PROXY, ["6.6.6.6", CLIENT], CLIENT),
        (PROXY, [f"10.9.9.9, {CLIENT}"], CLIENT),
        (PROXY, ["unknown"], PROXY),
        (PROXY, ["6.6.6.6, unknown"], PROXY),
        (PROXY, ["6.6.6.6, 10.0.0.2:80"], PROXY),
        (PROXY, ["' OR 1=1 --"], PROXY),
        (PROXY, [",,,"], PROXY),
        ("fd00::1", ["2001:db8::9"], "2001:db8::9"),
        ("::ffff:10.0.0.1", [CLIENT], CLIENT),
    ],
)
def test_as_many_hops_are_believed_as_are_trusted(
    cast: Cast, peer: str, forwarded_for: list[str], address: str
) -> None:
    headers = [("X-Forwarded-For", value) for value in forwarded_for]
    assert address_recorded(cast, peer=peer, headers=headers) == address


@pytest.mark.contract("P9.1")
@pytest.mark.usefixtures("_trusted")
def test_a_trusted_proxy_is_believed_in_one_header_only(cast: Cast) -> None:
    assert address_recorded(cast, peer=PROXY, headers=ELSEWHERE) == PROXY


@pytest.mark.contract("P9.1", "P4.6")
@pytest.mark.usefixtures("_trusted")
def test_a_forged_address_opens_no_network(cast: Cast) -> None:
    RelyingParty.objects.filter(pk=cast.billing.pk).update(allowed_networks=["198.51.100.0/24"])
    inside = [("X-Forwarded-For", "198.51.100.7")]
    assert_refused(ask(auth=cast.basic("billing"), peer=CLIENT, headers=inside), 400, "unauthorized_client")
    forged = [("X-Forwarded-For", f"198.51.100.7, {CLIENT}")]
    assert_refused(ask(auth=cast.basic("billing"), peer=PROXY, headers=forged), 400, "unauthorized_client")
    assert ask(auth=cast.basic("billing"), peer=PROXY, headers=inside).status == 200


@pytest.mark.contract("P9.1")
@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize(
    ("peer", "forwarded_for", "proto", "scheme"),
    [
        (PROXY, CLIENT, "https", "https"),
        (PROXY, CLIENT, "HTTPS", "https"),
        (PROXY, CLIENT, "javascript", "http"),
        (PROXY, CLIENT, "", "http"),
        (PROXY, f"6.6.6.6, {CLIENT}", "https, http", "http"),
        (PROXY, f"{CLIENT}, 10.0.0.2", "https, http", "https"),
        (CLIENT, "6.6.6.6", "https", "http"),
    ],
)
def test_the_scheme_is_that_of_the_believed_hop(
    peer: str, forwarded_for: str, proto: str, scheme: str
) -> None:
    meta = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"}
    meta |= {"HTTP_X_FORWARDED_FOR": forwarded_for, "HTTP_X_FORWARDED_PROTO": proto}
    assert believed(meta)[1] == scheme
