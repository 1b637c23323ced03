"""P8.3: a token that is bound to the key of a DPoP proof, and what is said of it."""

import io
import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.utils import timezone
from joserfc.jwk import Key
from jwcrypto.jwk import JWK

from audit.models import Outcome, Trace
from issuers.models import TokenEndpointAuthMethod
from relying_parties.models import RelyingParty
from tests.protocol.dpop import REFUSAL, assert_refused_for, billing
from tests.support.cast import Cast, new_grant
from tests.support.proofs import key_for, proof, public, signed, thumbprint
from tests.support.verifying import verified_twice
from tests.support.wire import FORM, TOKEN, Answer, ask, assert_refused, basic, call, get, last_event

ALGS = ("RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
OTHER_ALGS = ("RS384", "RS512", "PS384", "PS512", "ES256K", "Ed448")
DISCOVERY = "/oidc_m2m/.well-known/openid-configuration"


def assert_bound(answer: Answer, key: Key) -> None:
    assert (answer.status, answer.json["token_type"]) == (200, "DPoP")
    assert answer.claims["cnf"] == {"jkt": thumbprint(key)}


@pytest.mark.contract("P8.3")
@pytest.mark.spec("RFC 9449", "6.1")
@pytest.mark.parametrize("alg", ALGS)
def test_a_token_is_bound_to_the_key_of_the_proof(dpop: Cast, alg: str) -> None:
    answer = billing(dpop, proof(alg=alg))
    assert (answer.status, answer.json.keys()) == (200, {"access_token", "token_type", "expires_in", "scope"})
    assert answer.json["token_type"] == "DPoP"
    claims = verified_twice(answer.json["access_token"], jwks=get("/oidc_m2m/jwks").body, alg="RS256")
    jkt = JWK(**public(key_for(alg))).thumbprint()
    assert claims["cnf"] == {"jkt": jkt} == {"jkt": thumbprint(key_for(alg))}
    assert (last_event().outcome, last_event().confirmation) == (Outcome.ISSUED, f"jkt:{jkt}")


@pytest.mark.contract("P8.3", "P6.3")
@pytest.mark.spec("RFC 9449", "5.1")
def test_every_advertised_algorithm_works_and_no_other(dpop: Cast) -> None:
    metadata = get(DISCOVERY).json
    assert metadata["dpop_signing_alg_values_supported"] == list(ALGS)
    works = [alg for alg in (*ALGS, *OTHER_ALGS) if billing(dpop, proof(alg=alg)).status == 200]
    assert works == list(ALGS)


@pytest.mark.contract("P6.2", "P6.3")
def test_what_an_issuer_does_not_accept_is_not_advertised(dpop: Cast) -> None:
    assert get(DISCOVERY).json["claims_supported"][-1] == "cnf"
    other = get("/other/.well-known/openid-configuration").json
    assert "dpop_signing_alg_values_supported" not in other
    assert "cnf" not in other["claims_supported"]


@pytest.mark.contract("P8.3")
@pytest.mark.spec("RFC 9449", "5.2")
def test_a_missing_proof_of_who_must_send_one(required: Cast) -> None:
    assert_refused_for(billing(required), "The client must send a DPoP proof, and did not.")
    assert_bound(billing(required, proof()), key_for("ES256"))


@pytest.mark.contract("P8.3")
def test_who_may_send_a_proof_and_does_not_gets_a_bearer_token(dpop: Cast) -> None:
    answer = billing(dpop)
    assert (answer.status, answer.json["token_type"]) == (200, "Bearer")
    assert "cnf" not in answer.claims
    assert last_event().confirmation is None


@pytest.mark.contract("P8.3")
def test_an_issuer_that_does_not_accept_dpop_does_not_read_it(cast: Cast) -> None:
    for sent in (proof(), "junk", ""):
        answer = billing(cast, sent)
        assert (answer.status, answer.json["token_type"]) == (200, "Bearer")
        assert "cnf" not in answer.claims


@pytest.mark.contract("P8.3")
def test_who_must_send_a_proof_gets_no_bearer_token_where_dpop_is_off(required: Cast) -> None:
    required.oidc_m2m.accepts_dpop = False
    required.oidc_m2m.save()
    assert_refused_for(
        billing(required, proof()),
        "The client requires DPoP, which is off at this issuer: turn on accepts_dpop.",
    )


@pytest.mark.contract("P8.3")
def test_a_client_that_is_not_proven_learns_that_alone(required: Cast) -> None:
    for headers in ([], [("DPoP", "junk")], [("DPoP", proof())]):
        assert_refused(ask(auth=basic("billing", "wrong"), headers=headers), 401, "invalid_client")


@pytest.mark.contract("P8.3")
def test_a_client_that_sends_its_secret_in_the_body(dpop: Cast) -> None:
    assert_bound(ask(dpop.in_body("reports"), headers=[("DPoP", proof())]), key_for("ES256"))


@pytest.mark.contract("P8.3")
def test_a_client_that_proves_itself_by_an_assertion(dpop: Cast) -> None:
    answer = by_assertion(dpop, proof())
    assert_bound(answer, key_for("ES256"))
    assert last_event().credential.startswith("key:")


@pytest.mark.contract("P8.3", "P7.3")
def test_a_proof_is_no_client_assertion_even_by_the_clients_own_key(dpop: Cast) -> None:
    key = key_for("ES384")
    answer = by_assertion(dpop, proof(alg="ES384"), typ="dpop+jwt")
    event = assert_refused(answer, 401, "invalid_client")
    assert (
        event.detail
        == "The client assertion is refused. Its typ is missing or that of another kind of token."
    )
    assert_bound(by_assertion(dpop, proof(alg="ES384")), key)


@pytest.mark.contract("P8.3")
@pytest.mark.spec("RFC 9449", "11.1")
def test_a_proof_is_good_for_one_request(dpop: Cast) -> None:
    sent = proof()
    assert billing(dpop, sent).status == 200
    again = billing(dpop, sent)
    event = assert_refused(again, 400, "invalid_dpop_proof")
    assert again.json == REFUSAL
    assert event.detail == "The DPoP proof was used before: make a new one for each request."
    assert (event.jti, event.kid, event.alg, event.expires_at) == ("", "", "", None)


@pytest.mark.contract("P8.3")
def test_a_proof_is_good_for_one_client(dpop: Cast) -> None:
    sent = proof()
    assert billing(dpop, sent).status == 200
    answer = ask(dpop.in_body("reports"), headers=[("DPoP", sent)])
    assert_refused(answer, 400, "invalid_dpop_proof")


@pytest.mark.contract("P8.3")
def test_a_proof_with_the_same_jti_by_another_key_is_another(dpop: Cast) -> None:
    for key in (key_for("ES256"), key_for("ES256", number=1)):
        assert_bound(billing(dpop, proof({"jti": "1"}, key=key)), key)
    assert_refused(billing(dpop, proof({"jti": "1"})), 400, "invalid_dpop_proof")
    assert billing(dpop, proof({"jti": "2"})).status == 200


@pytest.mark.contract("P8.3")
@pytest.mark.parametrize("jti", ["\x00", "é", "x" * 8_000])
def test_any_text_is_a_jti(dpop: Cast, jti: str) -> None:
    assert billing(dpop, proof({"jti": jti})).status == 200
    assert_refused(billing(dpop, proof({"jti": jti})), 400, "invalid_dpop_proof")


@pytest.mark.contract("P8.3")
def test_a_request_that_is_refused_uses_its_proof_up(dpop: Cast) -> None:
    sent = proof()
    refused = ask({"scope": "unknown"}, auth=dpop.basic("billing"), headers=[("DPoP", sent)])
    assert_refused(refused, 400, "invalid_scope")
    assert last_event().confirmation == f"jkt:{thumbprint(key_for('ES256'))}"
    assert_refused(billing(dpop, sent), 400, "invalid_dpop_proof")


@pytest.mark.contract("P8.3")
def test_a_used_proof_is_refused_as_such_whatever_is_asked_with_it(dpop: Cast) -> None:
    sent = proof()
    assert billing(dpop, sent).status == 200
    for asked in ({"scope": "unknown"}, {"resource": "https://unknown.example"}):
        answer = ask(asked, auth=dpop.basic("billing"), headers=[("DPoP", sent)])
        event = assert_refused(answer, 400, "invalid_dpop_proof")
        assert event.detail == "The DPoP proof was used before: make a new one for each request."


@pytest.mark.contract("P8.3", "P7.6")
def test_a_request_whose_proof_is_refused_uses_its_assertion_up(dpop: Cast) -> None:
    sent = proof()
    assert billing(dpop, sent).status == 200
    assert_refused(by_assertion(dpop, sent, jti="1"), 400, "invalid_dpop_proof")
    assert_refused(by_assertion(dpop, proof(), jti="1"), 401, "invalid_client")
    assert_refused(by_assertion(dpop, "junk", jti="2"), 400, "invalid_dpop_proof")
    assert_refused(by_assertion(dpop, proof(), jti="2"), 401, "invalid_client")


@pytest.mark.contract("P8.3", "P7.6")
def test_a_request_is_as_old_as_its_last_byte(dpop: Cast) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            self.read_at = timezone.now()
            return super().read(size)

    body = urlencode({"grant_type": "client_credentials"}).encode()
    stream = Slow(body)
    headers = [("Authorization", dpop.basic("billing")), ("Content-Type", FORM), ("DPoP", proof())]
    assert call("POST", TOKEN, body=body, headers=headers, stream=stream).status == 200
    assert last_event().at >= stream.read_at


@pytest.mark.contract("P8.3", "P10.4")
def test_a_trace_tells_the_binding_and_holds_no_proof(dpop: Cast, log_lines: io.StringIO) -> None:
    dpop.billing.trace_until = timezone.now() + timedelta(hours=1)
    dpop.billing.save()
    good, bad = proof(), proof({"htm": "GET"})
    assert_bound(billing(dpop, good), key_for("ES256"))
    content = Trace.objects.get(event_id=last_event().pk).content
    jkt = thumbprint(key_for("ES256"))
    assert ["bind", {"token_type": "DPoP", "confirmation": f"jkt:{jkt}"}] in content["steps"]
    assert content["claims"]["cnf"] == {"jkt": jkt}
    assert_refused(billing(dpop, bad), 400, "invalid_dpop_proof")
    assert billing(dpop).status == 200
    unbound = Trace.objects.get(event_id=last_event().pk).content
    assert ["bind", {"token_type": "Bearer"}] in unbound["steps"]
    told = log_lines.getvalue() + json.dumps([trace.content for trace in Trace.objects.all()])
    assert f'"confirmation": "jkt:{jkt}"' in told
    for part in (*good.split("."), *bad.split(".")):
        assert part not in told


def by_assertion(cast: Cast, sent: str, *, typ: str = "JWT", jti: object = None) -> Answer:
    """A request of a client of private_key_jwt, whose key is the ES384 one."""
    key = key_for("ES384")
    client = RelyingParty.objects.filter(client_id="ledger").first() or new_ledger(cast, key)
    now = int(timezone.now().timestamp())
    assertion = signed(
        {"alg": "ES384", "typ": typ},
        {
            "iss": client.client_id,
            "sub": client.client_id,
            "aud": cast.oidc_m2m.url,
            "jti": jti or str(timezone.now()),
            "exp": now + 60,
        },
        alg="ES384",
        key=key,
    )
    parameters = {
        "client_assertion": assertion,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    return ask(parameters, headers=[("DPoP", sent)])


def new_ledger(cast: Cast, key: Key) -> RelyingParty:
    method = TokenEndpointAuthMethod.PRIVATE_KEY_JWT
    cast.oidc_m2m.token_endpoint_auth_methods = [*cast.oidc_m2m.token_endpoint_auth_methods, method.value]
    cast.oidc_m2m.checked().save()
    ledger = RelyingParty(
        issuer=cast.oidc_m2m, client_id="ledger", name="Ledger", token_endpoint_auth_method=method,
        client_jwks={"keys": [public(key)]},
    )  # fmt: skip
    ledger.checked().save()
    new_grant(ledger, cast.invoices, ["invoices.read"], is_default=True)
    return ledger
