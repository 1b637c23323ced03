"""P8.1: self_signed_tls_client_auth, by a certificate that is registered itself (RFC 8705 section 2.2)."""

import time
from pathlib import Path

import pytest

from issuers.models import Issuer
from relying_parties.models import RelyingParty
from tests.protocol.certificates import (
    SELF_SIGNED,
    ask_with,
    assert_proven,
    assert_refused_for,
    jwks_of,
    new_certified,
    new_loner,
)
from tests.support.authority import CLIENT, Authority, Issued, self_signed
from tests.support.cast import Cast
from tests.support.certificates import in_x5c
from tests.support.wire import Answer

pytestmark = [
    pytest.mark.usefixtures("behind_a_proxy"),
    pytest.mark.contract("P8.1"),
    pytest.mark.spec("RFC 8705", "2.2"),
]


@pytest.fixture(scope="session")
def own(pki: Path) -> Issued:
    return self_signed(pki, "own")


@pytest.fixture(scope="session")
def second(pki: Path) -> Issued:
    return self_signed(pki, "second", key="rsa:2048")


def loner_asks(issued: Issued | None) -> Answer:
    return ask_with(issued, client_id="loner")


def not_registered(issued: Issued) -> str:
    return (
        f"The client certificate is refused. The certificate with SHA-256 {issued.sha256} is not registered."
    )


def test_the_registered_certificate_proves_the_client(cast: Cast, own: Issued) -> None:
    loner = new_loner(cast, own)
    assert_proven(loner_asks(own), loner, own)


@pytest.mark.parametrize("key", ["ec:P-384", "ec:P-521", "ed25519", "rsa:2048"])
def test_of_any_key_that_can_be_registered(cast: Cast, pki: Path, key: str) -> None:
    issued = self_signed(pki, f"own-{key.replace(':', '-')}", key=key)
    loner = new_loner(cast, issued)
    assert_proven(loner_asks(issued), loner, issued)


def test_each_of_two_proves_it_and_each_is_named(cast: Cast, own: Issued, second: Issued) -> None:
    loner = new_loner(cast, own, second)
    for issued in (own, second):
        assert_proven(loner_asks(issued), loner, issued)


def test_another_one_with_the_victims_name_is_refused(cast: Cast, pki: Path, own: Issued) -> None:
    new_loner(cast, own)
    forged = self_signed(pki, "forged", subject="/CN=own")
    assert_refused_for(loner_asks(forged), not_registered(forged))


def test_another_one_of_the_same_key_is_refused(cast: Cast, pki: Path, own: Issued) -> None:
    new_loner(cast, own)
    renewed = self_signed(pki, "renewed", subject="/CN=own", of=own)
    assert renewed.jwk == own.jwk
    assert_refused_for(loner_asks(renewed), not_registered(renewed))


def test_what_is_rotated_counts_at_once_and_the_old_one_no_longer(
    cast: Cast, own: Issued, second: Issued
) -> None:
    loner = new_loner(cast, own)
    assert_proven(loner_asks(own), loner, own)
    register(loner, own, second)
    assert_proven(loner_asks(second), loner, second)
    assert_proven(loner_asks(own), loner, own)
    register(loner, second)
    assert_refused_for(loner_asks(own), not_registered(own))


def test_its_dates_count_though_it_is_registered(cast: Cast, pki: Path) -> None:
    expired = self_signed(pki, "own-expired", at="2020-01-01")
    early = self_signed(pki, "own-early", at="2035-01-01")
    new_loner(cast, expired, early)
    assert_refused_for(
        loner_asks(expired),
        "The client certificate is refused. The certificate expired at 2020-01-21 00:00:00 UTC: replace it.",
    )
    assert_refused_for(
        loner_asks(early),
        "The client certificate is refused. The certificate is valid from 2035-01-01 00:00:00 UTC only.",
    )


def test_the_end_that_its_key_is_registered_with_counts(cast: Cast, own: Issued) -> None:
    loner = new_loner(cast, own)
    (key,) = jwks_of(own)["keys"]
    for ahead in (60, -1):
        loner.client_jwks = {"keys": [{**key, "exp": int(time.time()) + ahead}]}
        loner.checked().save()
        if ahead > 0:
            assert_proven(loner_asks(own), loner, own)
    assert_refused_for(
        loner_asks(own),
        "The client certificate is refused. "
        "The certificate is registered with an end (exp) that has passed: register its successor.",
    )


def test_a_certificate_of_an_authority_may_be_registered_and_no_other_of_it_counts(
    cast: Cast, authority: Authority
) -> None:
    issued, sister = (authority.issue(f"sister-{number}", CLIENT) for number in (1, 2))
    loner = new_loner(cast, issued)
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(client_ca_certificates=authority.own.pem)
    assert_proven(loner_asks(issued), loner, issued)
    assert_refused_for(loner_asks(sister), not_registered(sister))


def test_the_certificate_of_one_client_proves_no_other(cast: Cast, own: Issued, authority: Authority) -> None:
    new_certified(cast, authority)
    new_loner(cast, own)
    named = authority.issue("named-well", CLIENT)
    assert_refused_for(loner_asks(named), not_registered(named))
    assert_refused_for(
        ask_with(own),
        "The client certificate is refused. The certificate does not lead to a CA of the issuer: "
        "its issuer CN=own is not among them, and no intermediate was sent with it.",
    )


def test_a_key_without_a_certificate_proves_nothing(cast: Cast, own: Issued) -> None:
    loner = new_loner(cast, own)
    RelyingParty.objects.filter(pk=loner.pk).update(client_jwks={"keys": [own.jwk]})
    assert_refused_for(loner_asks(own), not_registered(own))


@pytest.mark.contract("P3.1", "P3.7")
def test_its_id_alone_proves_nothing_and_a_method_that_is_off_neither(cast: Cast, own: Issued) -> None:
    loner = new_loner(cast, own)
    assert_refused_for(
        loner_asks(None), "No authentication was sent, and no client certificate came with the request."
    )
    methods = [method for method in cast.oidc_m2m.token_endpoint_auth_methods if method != SELF_SIGNED]
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(token_endpoint_auth_methods=methods)
    assert_refused_for(loner_asks(own), f"The method {SELF_SIGNED.value} is off at this issuer.")
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(token_endpoint_auth_methods=[*methods, SELF_SIGNED])
    RelyingParty.objects.filter(pk=loner.pk).update(is_active=False)
    assert_refused_for(loner_asks(own), "The client is not active.")


def register(loner: RelyingParty, *certificates: Issued) -> None:
    loner.client_jwks = jwks_of(*certificates)
    loner.checked().save()


@pytest.mark.contract("P8.1")
def test_the_chain_that_is_registered_with_a_certificate_changes_nothing(
    cast: Cast, authority: Authority
) -> None:
    issued = authority.issue("with-its-chain", CLIENT)
    loner = new_loner(cast, issued)
    loner.client_jwks = {"keys": [in_x5c(issued.jwk, issued.der, authority.own.der)]}
    loner.checked().save()
    assert_proven(loner_asks(issued), loner, issued)
