"""P5.1: the token, verified as a resource server does with a library that is not the server's own."""

import time
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from joserfc import jwt
from joserfc.jwk import KeySet

from issuers.models import SigningAlg
from keys.lifecycle.creation import create_first_key
from keys.models import SigningKey
from relying_parties.models import ClaimTemplate, RelyingParty
from tests.support.cast import INVOICES, YOUR_APPLICATION, Cast
from tests.support.wire import Answer, ask, assert_refused, get


def verified(answer: Answer, *, jwks: str = "/oidc_m2m/jwks") -> jwt.Token:
    return jwt.decode(
        answer.json["access_token"], KeySet.import_key_set(get(jwks).json), algorithms=list(SigningAlg.values)
    )


def use_template(cast: Cast, *, claims: dict[str, Any], **more: Any) -> None:
    template = ClaimTemplate(name="another", claims=claims, **more)
    template.checked().save()
    cast.billing.claim_template = template
    cast.billing.save()


@pytest.mark.contract("P5.1", "P6.1")
@pytest.mark.spec("RFC 9068", "2")
def test_the_header_and_the_claims_of_a_token(cast: Cast) -> None:
    answer = ask(auth=cast.basic("billing"))
    token = verified(answer)
    assert token.header == {"alg": "RS256", "kid": cast.key.kid, "typ": "at+jwt"}
    issued_at = token.claims["iat"]
    assert token.claims == {
        "iss": get("/oidc_m2m/.well-known/openid-configuration").json["issuer"],
        "sub": "billing",
        "aud": INVOICES,
        "client_id": "billing",
        "iat": issued_at,
        "exp": issued_at + answer.json["expires_in"],
        "jti": token.claims["jti"],
        "scope": "invoices.read invoices.write",
    }


@pytest.mark.contract("P5.1")
@pytest.mark.spec("RFC 7518", "3.1")
@pytest.mark.parametrize("alg", SigningAlg.values)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_a_token_of_every_algorithm_verifies(cast: Cast, alg: str) -> None:
    if alg != SigningAlg.RS256:
        create_first_key(issuer=cast.oidc_m2m, alg=alg, now=cast.key.activates_at)
    RelyingParty.objects.filter(pk=cast.billing.pk).update(signing_alg=alg)
    token = verified(ask(auth=cast.basic("billing")))
    assert token.header["alg"] == alg
    assert token.claims["sub"] == "billing"


@pytest.mark.contract("P5.1")
def test_a_template_may_ask_for_typ_jwt(cast: Cast) -> None:
    use_template(cast, claims={}, headers={"typ": "JWT"})
    assert verified(ask(auth=cast.basic("billing"))).header["typ"] == "JWT"


@pytest.mark.contract("P5.1")
@pytest.mark.spec("RFC 7515", "4.1")
def test_a_template_may_put_the_certificate_in_the_header(cast: Cast) -> None:
    use_template(cast, claims={}, with_x5t=True, with_x5c=True)
    header = ask(auth=cast.basic("billing")).header
    (published,) = get("/oidc_m2m/jwks").json["keys"]
    assert (header["x5t"], header["x5c"]) == (published["x5t"], published["x5c"])


@pytest.mark.contract("P5.1")
@pytest.mark.parametrize("part", ["with_x5t", "with_x5c"])
def test_a_certificate_that_cannot_be_read_is_put_in_no_header(cast: Cast, part: str) -> None:
    use_template(cast, claims={}, **{part: True})
    SigningKey.objects.filter(issuer=cast.oidc_m2m).update(certificate_chain="no PEM")
    event = assert_refused(ask(auth=cast.basic("billing")), 503, "temporarily_unavailable")
    assert event.detail.startswith("The certificate chain of key ")


@pytest.mark.contract("P5.1")
def test_a_template_fills_claims_of_every_namespace(cast: Cast) -> None:
    claims = {
        "who": "${client.name} (${client.client_id})",
        "where": ["${globals.region}", {"at": "${issuer.url}"}],
        "what": "${grant.scope} on ${grant.audience}",
        "tenant": "${request.param_tenant|none}",
        "number": 7,
    }
    use_template(cast, claims=claims)
    answer = ask({"scope": "invoices.read", "tenant": "blue"}, auth=cast.basic("billing"))
    told = verified(answer).claims
    assert {name: told[name] for name in claims} == {
        "who": "Billing (billing)",
        "where": ["eu-north", {"at": "http://127.0.0.1:8000/oidc_m2m"}],
        "what": f"invoices.read on {INVOICES}",
        "tenant": "blue",
        "number": 7,
    }
    assert ask(auth=cast.basic("billing")).claims["tenant"] == "none"


@pytest.mark.contract("P5.1")
@pytest.mark.spec("RFC 9068", "2.2")
def test_no_token_outlives_the_issuers_greatest_ttl(cast: Cast) -> None:
    cast.oidc_m2m.max_access_token_ttl = cast.oidc_m2m.default_access_token_ttl = 120
    cast.oidc_m2m.checked().save()
    RelyingParty.objects.filter(pk=cast.billing.pk).update(access_token_ttl=9999)
    answer = ask(auth=cast.basic("billing"))
    assert answer.claims["exp"] - answer.claims["iat"] == 120 == answer.json["expires_in"]


@pytest.mark.contract("P5.1")
@pytest.mark.spec("RFC 9068", "2.1")
def test_the_resource_server_says_what_typ_its_tokens_have(cast: Cast) -> None:
    cast.invoices.token_typ = "JWT"
    cast.invoices.checked().save()
    assert verified(ask(auth=cast.basic("billing"))).header["typ"] == "JWT"
    elsewhere = ask({"resource": YOUR_APPLICATION}, auth=cast.basic("billing"))
    assert verified(elsewhere).header["typ"] == "at+jwt"
    both = [("resource", YOUR_APPLICATION), ("resource", INVOICES), ("scope", "invoices.read")]
    assert verified(ask(both, auth=cast.basic("billing"))).header["typ"] == "at+jwt"


@pytest.mark.contract("P5.1")
def test_the_typ_of_a_template_comes_before_that_of_the_resource_server(cast: Cast) -> None:
    cast.invoices.token_typ = "JWT"
    cast.invoices.checked().save()
    use_template(cast, claims={}, headers={"typ": "at+jwt"})
    assert verified(ask(auth=cast.basic("billing"))).header["typ"] == "at+jwt"


@pytest.mark.contract("P5.1")
@pytest.mark.parametrize("seconds", [0, 60])
def test_iat_is_set_back_and_exp_is_not(cast: Cast, seconds: int) -> None:
    cast.oidc_m2m.iat_backdating = seconds
    cast.oidc_m2m.checked().save()
    before = int(time.time())
    answer = ask(auth=cast.basic("billing"))
    claims = verified(answer).claims
    assert before <= claims["iat"] + seconds <= time.time()
    assert claims["exp"] - claims["iat"] == answer.json["expires_in"] + seconds


@pytest.mark.contract("P5.1")
def test_iat_is_not_set_back_by_more_than_clocks_may_differ(cast: Cast) -> None:
    cast.oidc_m2m.iat_backdating = 61
    with pytest.raises(ValidationError, match="At most 1 min"):
        cast.oidc_m2m.checked()
