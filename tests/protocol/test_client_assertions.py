"""P3.1, P3.2, P7.1 to P7.6: clients that sign their own assertions (private_key_jwt)."""

import hashlib
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from issuance.models import UsedJti
from relying_parties.models import RelyingParty
from relying_parties.secrets.credentials import add_generated_secret
from tests.support.assertions import (
    JWT_BEARER,
    new_robot,
    not_proven,
    own,
    pair,
    send,
    switch_on,
    why_refused,
)
from tests.support.cast import Cast, new_resource_server
from tests.support.certificates import der_certificate, in_x5c
from tests.support.failing import refusing
from tests.support.forging import ALGS, claims, claims_json, encoded, header, header_without, more, signer
from tests.support.wire import ask, assert_refused, basic, events, get, last_event

ES256 = signer("ES256")


@pytest.fixture
def robot(cast: Cast) -> RelyingParty:
    return new_robot(cast)


@pytest.mark.contract("P7.5")
@pytest.mark.spec("RFC 7523", "2.2")
def test_its_row_names_the_key_that_proved_it(cast: Cast, robot: RelyingParty) -> None:
    assert send(own(cast, ES256).made()).claims["sub"] == "robot"
    event = last_event()
    thumbprint = encoded(
        hashlib.sha256(
            '{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'.format(**ES256.jwk).encode()
        ).digest()
    )
    assert (event.auth_method, event.credential) == ("private_key_jwt", f"key:{robot.pk}:{thumbprint}")


@pytest.mark.contract("P7.2")
@pytest.mark.spec("RFC 7521", "4.2")
@pytest.mark.parametrize(
    "parameters",
    [
        {"client_assertion": "x"},
        {"client_assertion_type": JWT_BEARER},
        {"client_assertion": "", "client_assertion_type": JWT_BEARER},
        {"client_assertion": "x", "client_assertion_type": ""},
        {"client_assertion": "x", "client_assertion_type": "x"},
        {"client_assertion": "x", "client_assertion_type": JWT_BEARER.upper()},
        {"client_assertion": "x", "client_assertion_type": JWT_BEARER + " "},
        {"client_assertion": "x", "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
    ],
)  # fmt: skip
def test_half_a_pair_is_malformed(cast: Cast, robot: RelyingParty, parameters: dict[str, str]) -> None:
    if parameters.get("client_assertion"):
        parameters = parameters | {"client_assertion": own(cast, ES256).made()}
    event = assert_refused(ask(parameters), 400, "invalid_request")
    has_assertion = bool(parameters.get("client_assertion"))
    missing = (
        "client_assertion_type is missing or unknown" if has_assertion else "client_assertion is missing"
    )
    assert event.detail == f"{missing}; the type is {JWT_BEARER}."
    assert_refused(ask({**parameters, "client_id": "robot"}), 400, "invalid_request")


@pytest.mark.contract("P7.2")
def test_a_subject_that_is_no_text_names_no_client(cast: Cast, robot: RelyingParty) -> None:
    for subject in (1, ["robot"], {"robot": 1}, True, None):
        event = assert_refused(ask(pair(own(cast, ES256, sub=subject).made())), 401, "invalid_client")
        assert (event.client_id, event.detail) == ("", "No such client at this issuer.")


@pytest.mark.contract("P7.3")
@pytest.mark.parametrize("assertion", ["x", "a.b.c", "y" * 16_385, "{}", "e30.e30."])
def test_a_malformed_assertion_never_falls_back(cast: Cast, robot: RelyingParty, assertion: str) -> None:
    why_refused(assertion)
    why_refused(assertion, client_id="reports")
    beside_a_secret = {**pair(assertion), **cast.in_body("reports")}
    assert_refused(ask(beside_a_secret), 400, "invalid_request")
    assert_refused(ask(pair(assertion), auth=cast.basic("billing")), 400, "invalid_request")


@pytest.mark.contract("P3.2")
@pytest.mark.spec("RFC 6749", "2.3")
def test_a_right_assertion_beside_another_way_is_refused(cast: Cast, robot: RelyingParty) -> None:
    text, secret = own(cast, ES256).made(), add_generated_secret(relying_party=robot)[1]
    for auth in (basic("robot", secret), cast.basic("billing"), "Bearer x", "DPoP x"):
        assert_refused(ask(pair(text), auth=auth), 400, "invalid_request")
    assert_refused(ask({**pair(text), "client_secret": secret}), 400, "invalid_request")
    assert send(text, client_secret="").status == 200, "a parameter without a value is not there"


@pytest.mark.contract("P3.1", "P3.7")
def test_without_an_assertion_its_id_proves_nothing(cast: Cast, robot: RelyingParty) -> None:
    secret = add_generated_secret(relying_party=robot)[1]
    for parameters in (
        {"client_id": "robot"},
        {"client_id": "robot", "client_secret": ""},
        {"client_id": "robot", "client_assertion": "", "client_assertion_type": ""},
        {"client_id": "robot", "client_secret": secret},
    ):
        assert ask(parameters).without_its_own == not_proven()
    for auth in (basic("robot", ""), basic("robot", secret)):
        assert ask(auth=auth).without_its_own == not_proven()


@pytest.mark.contract("P7.3", "P3.7")
def test_an_assertion_proves_no_client_of_another_method(cast: Cast, robot: RelyingParty) -> None:
    for_billing = own(cast, ES256, client_id="billing").made()
    detail = why_refused(for_billing)
    assert detail == "Registered for client_secret_basic, came by private_key_jwt or federated_jwt."


@pytest.mark.contract("P7.5")
@pytest.mark.spec("RFC 7521", "4.2")
@pytest.mark.parametrize("named", ["billing", "ROBOT", "nobody", "robot "])
def test_the_parameter_names_the_client_that_the_assertion_does(
    cast: Cast, robot: RelyingParty, named: str
) -> None:
    why_refused(own(cast, ES256).made(), client_id=named)


@pytest.mark.contract("P3.8", "P7.3")
def test_its_refusals_tell_nothing_and_the_rows_all(cast: Cast, robot: RelyingParty) -> None:
    elsewhere = new_robot(cast, client_id="elsewhere", issuer=cast.other)
    asleep = new_robot(cast, client_id="asleep", is_active=False)
    whys = [
        why_refused(own(cast, ES256, client_id="nobody").made()),
        why_refused(own(cast, ES256, client_id=elsewhere.client_id).made()),
        why_refused(own(cast, ES256, client_id=asleep.client_id).made()),
        why_refused(own(cast, ES256, client_id="billing").made()),
        why_refused(own(cast, signer("ES256", "attackers")).made()),
    ]
    cast.oidc_m2m.token_endpoint_auth_methods = ["client_secret_basic"]
    cast.oidc_m2m.save()
    whys.append(why_refused(own(cast, ES256).made()))
    assert whys == [
        "No such client at this issuer.",
        "No such client at this issuer.",
        "The client is not active.",
        "Registered for client_secret_basic, came by private_key_jwt or federated_jwt.",
        "No registered key has this kid.",
        "The method private_key_jwt is off at this issuer.",
    ]


@pytest.mark.contract("P7.4")
@pytest.mark.spec("draft-ietf-oauth-rfc7523bis", "4")
def test_a_switch_lets_an_older_client_name_the_token_endpoint(cast: Cast, robot: RelyingParty) -> None:
    endpoint = f"{cast.oidc_m2m.url}/token"
    why_refused(own(cast, ES256, aud=endpoint).made())
    robot.accepts_token_endpoint_audience = True
    robot.checked().save()
    for aud in (endpoint, [endpoint], cast.oidc_m2m.url):
        assert send(own(cast, ES256, aud=aud).made()).status == 200
    for aud in (
        endpoint + "/",
        [endpoint, cast.oidc_m2m.url],
        cast.oidc_m2m.url + "/",
        f"{cast.other.url}/token",
    ):
        assert why_refused(own(cast, ES256, aud=aud).made()) == (
            f"Its aud must be {cast.oidc_m2m.url} or {endpoint} and nothing else."
        )  # fmt: skip


@pytest.mark.contract("P7.3")
@pytest.mark.spec("RFC 8725", "3.11")
@pytest.mark.parametrize("typ", ["at+jwt", "JWT"])
def test_our_own_access_token_proves_nobody(cast: Cast, typ: str) -> None:
    """Not even where the client registered this issuer's key, and a resource server is the issuer itself."""
    itself = new_resource_server(cast.oidc_m2m, cast.oidc_m2m.url, ["x"])
    ours = {name: value for name, value in get("/oidc_m2m/jwks").json["keys"][0].items() if name != "x5c"}
    robot = new_robot(cast, client_jwks={"keys": [ours, ES256.jwk]})
    cast.seed_template.claims, cast.seed_template.headers = {}, {"typ": typ}
    cast.seed_template.checked().save()
    robot.claim_template = cast.seed_template
    robot.checked().save()
    robot.grants.update(resource_server=itself, scopes=["x"])
    token = send(own(cast, ES256).made()).json["access_token"]
    assert why_refused(token) == (
        "Its iss must be the client_id."
        if typ == "JWT"
        else "Its typ is missing or that of another kind of token."
    )


@pytest.mark.contract("P7.2")
@pytest.mark.spec("RFC 7515", "4.1.7")
def test_without_a_kid_the_certificates_name_finds_the_key(cast: Cast) -> None:
    by = signer("RS256")
    der = der_certificate(by.key)
    other = signer("RS256", "second")
    new_robot(cast, client_jwks={"keys": [other.jwk, in_x5c(by.jwk, der)]})
    names = {
        "x5t": encoded(hashlib.sha1(der, usedforsecurity=False).digest()),
        "x5t#S256": encoded(hashlib.sha256(der).digest()),
    }
    for name, value in names.items():
        named = header(**{name: value})(header_without("kid")(own(cast, by)))
        assert send(named.made()).status == 200
        by_other = header(**{name: value})(header_without("kid")(own(cast, other)))
        assert why_refused(by_other.made()) == "Its signature is not by the key."
        of_none = header(**{name: "AAAA"})(header_without("kid")(own(cast, other)))
        assert send(of_none.made()).status == 200, "each key is tried where none has the name"


@pytest.mark.contract("P7.2")
@pytest.mark.spec("RFC 7638", "1")
def test_a_key_without_a_kid_is_known_by_its_thumbprint(cast: Cast) -> None:
    jwk = {name: value for name, value in ES256.jwk.items() if name != "kid"}
    robot = new_robot(cast, client_jwks={"keys": [jwk]})
    assert send(header_without("kid")(own(cast, ES256)).made()).status == 200
    thumbprint = last_event().credential.removeprefix(f"key:{robot.pk}:")
    assert send(header(kid=thumbprint)(own(cast, ES256)).made()).status == 200
    assert why_refused(own(cast, ES256).made()) == "No registered key has this kid."


@pytest.mark.contract("P7.2")
def test_a_key_that_has_ended_proves_nothing(cast: Cast) -> None:
    now = time.time()
    robot = new_robot(cast, client_jwks={"keys": [{**ES256.jwk, "exp": now + 600}]})
    assert send(own(cast, ES256).made()).status == 200
    robot.client_jwks = {"keys": [{**ES256.jwk, "exp": now - 1}]}
    robot.checked().save()
    for draft in (own(cast, ES256), header_without("kid")(own(cast, ES256))):
        assert why_refused(draft.made()) == "The key es256 has ended: register a new one."
    past = der_certificate(ES256.key, ends=timezone.now() - timedelta(seconds=1))
    robot.client_jwks = {"keys": [in_x5c(ES256.jwk, past)]}
    robot.checked().save()
    assert why_refused(own(cast, ES256).made()) == "The key es256 has ended: register a new one."


@pytest.mark.contract("P7.1")
@pytest.mark.parametrize("alg", ALGS)
def test_one_key_of_each_kind_is_enough(cast: Cast, alg: str) -> None:
    new_robot(cast, signer(alg))
    assert send(own(cast, signer(alg)).made()).status == 200


@pytest.mark.contract("P7.2")
def test_sixteen_kilobytes_are_read_and_one_byte_more_is_not(cast: Cast, robot: RelyingParty) -> None:
    """The signature is of a length that the text can be filled up to."""
    draft = own(cast, signer("ES384"))
    lengths = {}
    for padding in range(11_000, 12_200):
        made = claims(x="y" * padding)(draft).made()
        lengths[len(made)] = made
    assert send(lengths[16_384]).status == 200
    longer = min(length for length in lengths if length > 16_384)
    assert why_refused(lengths[longer]) == "It has more than 16384 characters."
    assert why_refused(lengths[16_384] + "A") == "It has more than 16384 characters."


@pytest.mark.contract("P7.2", "P1.1")
def test_deep_nesting_is_no_defect(cast: Cast, robot: RelyingParty) -> None:
    for depth in (100, 500, 900, 1000, 2000, 5500):
        deep = claims_json(more(b'"x":' + b"[" * depth + b"]" * depth))(own(cast, ES256))
        assert send(deep.made()).status in {200, 401}


@pytest.mark.contract("P7.6")
@pytest.mark.spec("RFC 7523", "3")
def test_an_assertion_is_used_once(cast: Cast, robot: RelyingParty) -> None:
    text = own(cast, ES256).made()
    assert send(text).status == 200
    assert why_refused(text) == "The client assertion was used before: make a new one for each request."
    again = own(cast, signer("RS256"), jti=own(cast, ES256).claims["jti"])
    assert send(again.made()).status == 200
    same_jti = own(cast, ES256, jti=again.claims["jti"], exp=int(time.time()) + 30).made()
    assert why_refused(same_jti) == "The client assertion was used before: make a new one for each request."


@pytest.mark.contract("P7.6", "P4.6")
def test_a_used_assertion_asks_nothing_and_costs_its_client_nothing(cast: Cast, robot: RelyingParty) -> None:
    robot.requests_per_minute = 2
    robot.checked().save()
    text = own(cast, ES256).made()
    assert send(text).status == 200
    for asked in ({}, {"scope": "unknown"}, {"resource": "https://unknown.example"}, {"scope": "\x7f"}):
        for _ in range(2):
            assert_refused(send(text, **asked), 401, "invalid_client")
            assert last_event().detail.endswith("used before: make a new one for each request.")
    assert last_event().credential == events()[0].credential
    assert [send(own(cast, ES256).made()).status for _ in range(2)] == [200, 429]


@pytest.mark.contract("P7.6")
def test_each_client_has_its_own_jtis(cast: Cast, robot: RelyingParty) -> None:
    new_robot(cast, client_id="twin")
    for client_id in ("robot", "twin"):
        assert send(own(cast, ES256, client_id=client_id, jti="1").made()).status == 200
    assert UsedJti.objects.count() == 2


@pytest.mark.contract("P7.6")
def test_what_is_not_proven_uses_no_jti_up(cast: Cast, robot: RelyingParty) -> None:
    jti = own(cast, ES256).claims["jti"]
    why_refused(own(cast, signer("ES256", "attackers"), jti=jti).made())
    why_refused(header(kid="es256")(own(cast, signer("ES256", "attackers"), jti=jti)).made())
    why_refused(own(cast, ES256, jti=jti, aud="https://other.example").made())
    why_refused(own(cast, ES256, jti=jti, exp=1).made())
    assert not UsedJti.objects.exists()
    assert send(own(cast, ES256, jti=jti).made()).status == 200


@pytest.mark.contract("P7.6")
def test_a_refused_request_uses_its_assertion_up(cast: Cast, robot: RelyingParty) -> None:
    text = own(cast, ES256).made()
    assert_refused(send(text, scope="invoices.write"), 400, "invalid_scope")
    assert why_refused(text) == "The client assertion was used before: make a new one for each request."
    assert last_event().credential == events()[0].credential


@pytest.mark.contract("P7.6", "P1.1")
@pytest.mark.parametrize("table", ["audit_issuanceevent", UsedJti._meta.db_table])
def test_what_cannot_be_committed_gives_no_token(cast: Cast, robot: RelyingParty, table: str) -> None:
    text = own(cast, ES256).made()
    with refusing("INSERT", table):
        answer = send(text)
    assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")
    assert not UsedJti.objects.exists(), "the request had no token and no row"
    assert events() == []
    assert send(text).status == 200


@pytest.mark.contract("P7.6")
def test_the_database_itself_takes_no_second_use(cast: Cast, robot: RelyingParty) -> None:
    send(own(cast, ES256).made())
    used = UsedJti.objects.get()
    assert used.holder == f"client:{robot.pk}"
    left = used.expires_at - timezone.now()
    assert timedelta(seconds=340) < left <= timedelta(seconds=360), "until it would be refused for its age"


@pytest.mark.contract("P6.2", "P6.3")
@pytest.mark.spec("RFC 8414", "2")
def test_discovery_tells_what_is_on(cast: Cast) -> None:
    document = get("/oidc_m2m/.well-known/openid-configuration").json
    assert "token_endpoint_auth_signing_alg_values_supported" not in document
    switch_on(cast.oidc_m2m, "private_key_jwt")
    document = get("/oidc_m2m/.well-known/openid-configuration").json
    assert "private_key_jwt" in document["token_endpoint_auth_methods_supported"]
    assert document["token_endpoint_auth_signing_alg_values_supported"] == list(ALGS)


@pytest.mark.contract("P7.6", "P10.2")
def test_no_assertion_is_kept(cast: Cast, robot: RelyingParty) -> None:
    robot.trace_until = timezone.now() + timedelta(hours=1)
    robot.checked().save()
    text = own(cast, ES256).made()
    send(text)
    send(text)
    traces = [event.trace.content for event in events()]
    assert len(traces) == 2
    assert text not in str(traces)
    assert text.rpartition(".")[2] not in str(traces)
