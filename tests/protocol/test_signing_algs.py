"""P5.1: each relying party has its algorithm, whatever its issuer's own is."""

import pytest
from django.utils import timezone

from issuers.models import Issuer, SigningAlg
from keys.lifecycle.creation import create_first_key, has_key
from tests.support.cast import INVOICES, Cast
from tests.support.verifying import verified_twice
from tests.support.wire import ask, get

pytestmark = [
    pytest.mark.contract("P5.1"),
    pytest.mark.spec("RFC 7518", "3.1"),
    pytest.mark.filterwarnings("ignore:EdDSA is deprecated"),
]


def sign_with(cast: Cast, alg: str) -> None:
    """`billing` with this algorithm, its issuer with another."""
    other = SigningAlg.ES256 if alg == SigningAlg.RS256 else SigningAlg.RS256
    for needed in (alg, other):
        if not has_key(issuer=cast.oidc_m2m, alg=needed):
            create_first_key(issuer=cast.oidc_m2m, alg=needed, now=timezone.now())
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(signing_alg=other)
    cast.billing.signing_alg = alg
    cast.billing.checked().save()


@pytest.mark.parametrize("alg", SigningAlg.values)
def test_two_libraries_verify_a_token_with_nothing_but_the_jwks(cast: Cast, alg: str) -> None:
    sign_with(cast, alg)
    answer = ask(auth=cast.basic("billing"))
    jwks = get("/oidc_m2m/jwks")
    claims = verified_twice(answer.json["access_token"], jwks=jwks.body, alg=alg)
    (kid,) = [key["kid"] for key in jwks.json["keys"] if key["alg"] == alg]
    assert answer.header == {"alg": alg, "kid": kid, "typ": "at+jwt"}
    assert (claims["sub"], claims["aud"]) == ("billing", INVOICES)


def test_the_relying_parties_beside_it_keep_the_issuers_algorithm(cast: Cast) -> None:
    sign_with(cast, SigningAlg.EDDSA)
    assert ask(auth=cast.basic("billing")).header["alg"] == SigningAlg.EDDSA
    assert ask(cast.in_body("reports")).header["alg"] == SigningAlg.RS256
