"""P7.7: which public keys a relying party or a trusted issuer can have, decided when they are saved."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.exceptions import ValidationError
from django.db import models

from relying_parties.jwks.client_keys import (
    KeyRefusedError,
    client_keys,
    registered_keys,
    usable_keys,
    verification_key,
)
from relying_parties.models import FederatedCredential, RelyingParty, TrustedIssuer
from relying_parties.models.federation import KeysFrom
from tests.support.assertions import (
    CLUSTER,
    PRIVATE_KEY_JWT,
    SUBJECT,
    jwks_of,
    new_cluster,
    new_workload,
    switch_on,
)
from tests.support.cast import Cast
from tests.support.certificates import der_certificate, in_x5c
from tests.support.forging import ALGS, Signer, decoded, encoded, new_key, public_members, signer
from tests.support.weak_keys import roca_key

pytestmark = pytest.mark.contract("P7.7")

RSA, EC, OKP = signer("RS256"), signer("ES256"), signer("EdDSA")
NOT_OFFERED = "Offered are RSA keys, the curves P-256, P-384 and P-521, and Ed25519."
MEMBER = "Its member {} is missing or not in base64url."
SPELLING = "Its member {} is not written as RFC 7518 section 6 has it."
NO_KEY = "Its numbers make no key of that kind."


def rsa_jwk(bits: int, *, e: int = 65537) -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=e, key_size=bits)
    return public_members(key)


def without(jwk: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in jwk.items() if key != name}


def number(jwk: dict[str, Any], name: str) -> bytes:
    return decoded(jwk[name])


NO_INSTANTS: tuple[Any, ...] = ("1", True, None, [], float("nan"), float("inf"), 1e300, 10**400)
REFUSED: dict[str, tuple[Any, str]] = {
    "no object": ("x", "A key is a JSON object."),
    "a list": ([], "A key is a JSON object."),
    "nothing in it": ({}, NOT_OFFERED),
    "a secret key": ({"kty": "oct", "k": "c2VjcmV0"}, "It holds k, which is private"),
    **{
        f"the private member {name}": ({**RSA.jwk, name: "AQAB"}, f"It holds {name}, which is private")
        for name in ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
    },
    "an empty private member": ({**EC.jwk, "d": ""}, "It holds d, which is private"),
    "for encryption": ({**RSA.jwk, "use": "enc"}, "Its use must be sig."),
    "a use of no text": ({**RSA.jwk, "use": None}, "Its use must be sig."),
    "operations without verify": ({**RSA.jwk, "key_ops": ["encrypt"]}, "Its key_ops must include verify."),
    "operations as a text": ({**RSA.jwk, "key_ops": "verify"}, "Its key_ops must include verify."),
    "secp256k1": ({**EC.jwk, "crv": "secp256k1"}, NOT_OFFERED),
    "Ed448": ({**OKP.jwk, "crv": "Ed448"}, NOT_OFFERED),
    "X25519": ({**OKP.jwk, "crv": "X25519"}, NOT_OFFERED),
    "a curve of another type": ({**OKP.jwk, "crv": "P-256"}, NOT_OFFERED),
    "no curve": (without(EC.jwk, "crv"), NOT_OFFERED),
    "a type in small letters": ({**RSA.jwk, "kty": "rsa"}, NOT_OFFERED),
    "a type of no text": ({**RSA.jwk, "kty": ["RSA"]}, NOT_OFFERED),
    "a curve of no text": ({**EC.jwk, "crv": {"P-256": 1}}, NOT_OFFERED),
    **{f"no {name}": (without(RSA.jwk, name), MEMBER.format(name)) for name in ("n", "e")},
    **{f"no {name}": (without(EC.jwk, name), MEMBER.format(name)) for name in ("x", "y")},
    "a number of no text": ({**RSA.jwk, "n": 7}, MEMBER.format("n")),
    "an empty number": ({**RSA.jwk, "e": ""}, MEMBER.format("e")),
    "standard base64": ({**EC.jwk, "x": "++++" + EC.jwk["x"][4:]}, MEMBER.format("x")),
    "padding": ({**EC.jwk, "x": EC.jwk["x"] + "="}, MEMBER.format("x")),
    "a zero before n": ({**RSA.jwk, "n": encoded(b"\0" + number(RSA.jwk, "n"))}, SPELLING.format("n")),
    "a zero before e": ({**RSA.jwk, "e": "AAEAAQ"}, SPELLING.format("e")),
    "stray bits": ({**OKP.jwk, "x": OKP.jwk["x"][:-1] + chr(ord(OKP.jwk["x"][-1]) + 1)}, SPELLING.format("x")),
    "a short coordinate": ({**EC.jwk, "x": encoded(number(EC.jwk, "x")[1:])}, NO_KEY),
    "a long coordinate": ({**EC.jwk, "x": encoded(b"\0" + number(EC.jwk, "x"))}, NO_KEY),
    "a point beside the curve": ({**EC.jwk, "y": EC.jwk["x"]}, NO_KEY),
    "the point at infinity": ({**EC.jwk, "x": encoded(bytes(32)), "y": encoded(bytes(32))}, NO_KEY),
    "a short Ed25519 key": ({**OKP.jwk, "x": encoded(number(OKP.jwk, "x")[1:])}, NO_KEY),
    "an even exponent": ({**RSA.jwk, "e": "AQAA"}, NO_KEY),
    "an exponent of 3": ({**RSA.jwk, "e": "Aw"}, "An RSA key's exponent must be 65537."),
    "an exponent of 1": ({**RSA.jwk, "e": "AQ"}, NO_KEY),
    "a large exponent": ({**RSA.jwk, "e": encoded((2**32 + 1).to_bytes(5))}, "An RSA key's exponent must be 65537."),
    "a modulus of 8193 bits": ({**RSA.jwk, "n": encoded((2**8192 + 1).to_bytes(1025))}, "this one has 8193."),
    "a modulus of 100,000 bits": ({**RSA.jwk, "n": encoded((2**99_999 + 1).to_bytes(12_500))}, "this one has 100000."),
    "a key of CVE-2017-15361": (public_members(roca_key()), "The RSA key is weak (ROCA, CVE-2017-15361)"),
    "a modulus of one": ({**RSA.jwk, "n": "AQ"}, NO_KEY),
    "another algorithm": ({**RSA.jwk, "alg": "RS384"}, "Its alg must be one of RS256, PS256."),
    "HS256": ({**RSA.jwk, "alg": "HS256"}, "Its alg must be one of RS256, PS256."),
    "an algorithm for encryption": ({**RSA.jwk, "alg": "RSA-OAEP"}, "Its alg must be one of RS256, PS256."),
    "another curve's algorithm": ({**EC.jwk, "alg": "ES384"}, "Its alg must be one of ES256."),
    "an algorithm of no text": ({**EC.jwk, "alg": None}, "Its alg must be one of ES256."),
    "a kid of no text": ({**EC.jwk, "kid": 7}, "Its kid must be a text"),
    "a long kid": ({**EC.jwk, "kid": 256 * "x"}, "Its kid must be a text"),
    "a kid with a line end": ({**EC.jwk, "kid": "a\nb"}, "Its kid must be a text"),
    "x5c as a text": ({**EC.jwk, "x5c": "x"}, "Its x5c must be a list"),
    "x5c of numbers": ({**EC.jwk, "x5c": [1]}, "Its x5c must be a list"),
    "x5c of junk": ({**EC.jwk, "x5c": ["AAAA"]}, "Its x5c holds something that is not a certificate."),
    "x5c in no base64": ({**EC.jwk, "x5c": ["!"]}, "Its x5c holds something that is not a certificate."),
    "another key's certificate": (in_x5c(EC.jwk, der_certificate(OKP.key)), "another key's."),
    **{
        f"exp {value!r}": ({**EC.jwk, "exp": value}, "Its exp must be a number of seconds since 1970.")
        for value in NO_INSTANTS
    },
}  # fmt: skip


@pytest.mark.spec("RFC 7518", "6")
@pytest.mark.parametrize("what", REFUSED)
def test_a_key_that_cannot_be_used_is_refused_with_the_reason(what: str) -> None:
    jwk, reason = REFUSED[what]
    with pytest.raises(KeyRefusedError) as refused:
        client_keys({"keys": [OKP.jwk | {"kid": "good"}, jwk]})
    assert str(refused.value).startswith("Key 2: ")
    assert reason in str(refused.value)
    assert [key.kid for key in usable_keys([jwk, OKP.jwk])] == [OKP.kid]
    assert [key.kid for key in registered_keys({"keys": [jwk, OKP.jwk]})] == [OKP.kid]


@pytest.mark.parametrize("bits", [1024, 2047])
def test_a_short_rsa_key_is_refused(bits: int) -> None:
    with pytest.raises(KeyRefusedError, match=f"An RSA key has 2048 to 8192 bits; this one has {bits}"):
        verification_key(rsa_jwk(bits))


@pytest.mark.parametrize("bits", [2048, 3072])
def test_a_long_enough_rsa_key_is_taken(bits: int) -> None:
    assert verification_key(rsa_jwk(bits)).algs == ("RS256", "PS256")


def test_the_longest_rsa_key_is_taken() -> None:
    """Its factors are not known: the number alone is looked at."""
    jwk = {**RSA.jwk, "n": encoded((2**8191 + 1).to_bytes(1024))}
    assert verification_key(jwk).algs == ("RS256", "PS256")


@pytest.mark.spec("RFC 7518", "3.1")
@pytest.mark.parametrize(
    ("by", "algs"),
    [
        (signer("RS256"), ("RS256", "PS256")),
        (signer("ES256"), ("ES256",)),
        (signer("ES384"), ("ES384",)),
        (signer("ES512"), ("ES512",)),
        (signer("EdDSA"), ("EdDSA", "Ed25519")),
    ],
)
def test_a_key_allows_the_algorithms_of_its_kind_or_its_own(by: Signer, algs: tuple[str, ...]) -> None:
    assert verification_key(by.jwk).algs == algs
    for alg in algs:
        assert verification_key({**by.jwk, "alg": alg, "use": "sig", "key_ops": ["verify"]}).algs == (alg,)


def test_a_key_set_has_one_to_twenty_keys_and_no_kid_twice() -> None:
    jwks = [public_members(new_key("ES256")) for _ in range(21)]
    assert len(client_keys({"keys": jwks[:20]})) == 20
    for keys in ([], jwks):
        with pytest.raises(KeyRefusedError, match=f"1 to 20 keys; this one has {len(keys)}"):
            client_keys({"keys": keys})
    with pytest.raises(KeyRefusedError, match="The kid a is given twice"):
        client_keys({"keys": [{**jwks[0], "kid": "a"}, {**jwks[1], "kid": "a"}]})
    with pytest.raises(KeyRefusedError, match="is given twice"):
        client_keys({"keys": [jwks[0], jwks[0]]})


@pytest.mark.parametrize("jwks", [None, {}, [], "x", {"keys": None}, {"keys": {}}, {"Keys": []}, [EC.jwk]])
def test_a_key_set_is_an_object_with_keys(jwks: Any) -> None:
    with pytest.raises(KeyRefusedError, match="must be a JWK Set"):
        client_keys(jwks)
    assert registered_keys(jwks) == ()


def test_a_key_ends_with_its_exp_or_its_certificate() -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    ends = now + timedelta(days=1)
    certificate = der_certificate(EC.key, ends=ends)
    for jwk in ({**EC.jwk, "exp": ends.timestamp()}, in_x5c(EC.jwk, certificate)):
        key = verification_key(jwk)
        assert key.expires_at == ends
        assert key.is_live(ends - timedelta(seconds=1))
        assert not key.is_live(ends)
    sooner = verification_key({**in_x5c(EC.jwk, certificate), "exp": now.timestamp()})
    assert sooner.expires_at == now
    assert verification_key(EC.jwk).is_live(datetime.max.replace(tzinfo=UTC))


# At save.


def problems(row: models.Model) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    return caught.value.message_dict


def robot(cast: Cast, **values: Any) -> RelyingParty:
    switch_on(cast.oidc_m2m, PRIVATE_KEY_JWT)
    return RelyingParty(
        issuer=cast.oidc_m2m, client_id="robot", name="Robot", token_endpoint_auth_method=PRIVATE_KEY_JWT, **values
    )  # fmt: skip


def test_private_key_jwt_needs_keys_from_one_place(cast: Cast) -> None:
    robot(cast, client_jwks=jwks_of(*map(signer, ALGS))).full_clean()
    robot(cast, client_jwks_uri="https://robot.example/jwks").full_clean()
    assert "needs its public keys" in problems(robot(cast))["client_jwks"][0]
    both = robot(cast, client_jwks=jwks_of(EC), client_jwks_uri="https://robot.example/jwks")
    assert "not both" in problems(both)["client_jwks_uri"][0]


def test_its_method_must_be_on_at_the_issuer(cast: Cast) -> None:
    party = robot(cast, client_jwks=jwks_of(EC))
    party.issuer = cast.other
    assert problems(party)["token_endpoint_auth_method"] == [
        "Its method private_key_jwt is off at Other, where these are on: client_secret_basic, client_secret_post."
    ]


@pytest.mark.parametrize(
    ("jwks", "reason"),
    [
        ({"keys": [{**EC.jwk, "d": "AA"}]}, "Key 1: It holds d, which is private"),
        ({}, "It must be a JWK Set"),
        ({"keys": []}, "A JWK Set of 1 to 20 keys"),
        ({"keys": [EC.jwk], "note": "\0"}, "It holds the character NUL."),
        ({"keys": [EC.jwk], "note": "\ud800"}, "It holds a lone surrogate"),
        ({"keys": [EC.jwk], "note": float("nan")}, "It holds a value that is not JSON"),
        ({"keys": [EC.jwk], "note": 131_072 * "x"}, "At most 131,072 characters"),
    ],
)
def test_keys_that_cannot_be_kept_are_refused_at_save(cast: Cast, jwks: Any, reason: str) -> None:
    assert reason in problems(robot(cast, client_jwks=jwks))["client_jwks"][0]
    cluster = TrustedIssuer(
        issuer=cast.oidc_m2m, name="c", issuer_url=CLUSTER, keys_from=KeysFrom.JWKS, jwks=jwks
    )
    assert reason in problems(cluster)["jwks"][0]


def test_a_client_of_secrets_may_have_keys_but_good_ones(cast: Cast) -> None:
    cast.billing.client_jwks = jwks_of(EC)
    cast.billing.full_clean()
    cast.billing.client_jwks = {"keys": [{**EC.jwk, "d": "AA"}]}
    assert "client_jwks" in problems(cast.billing)


@pytest.mark.contract("P7.3", "P7.9")
def test_this_servers_own_tokens_are_never_trusted(cast: Cast) -> None:
    for url in (
        cast.oidc_m2m.url,
        cast.other.url,
        cast.oidc_m2m.url.rpartition("/")[0],
        cast.oidc_m2m.url + "/x",
    ):
        own = TrustedIssuer(issuer=cast.oidc_m2m, name="c", issuer_url=url)
        assert problems(own)["issuer_url"] == [
            "It is this server's own: its access tokens prove nobody here."
        ]


@pytest.mark.contract("P7.9")
def test_a_trusted_issuers_keys_come_from_one_place(cast: Cast) -> None:
    for values in (
        {"keys_from": KeysFrom.JWKS},
        {"keys_from": KeysFrom.JWKS_URI},
        {"keys_from": KeysFrom.DISCOVERY, "jwks": jwks_of(EC)},
        {"keys_from": KeysFrom.JWKS, "jwks": jwks_of(EC), "jwks_uri": "https://c.example/jwks"},
    ):
        assert problems(TrustedIssuer(issuer=cast.oidc_m2m, name="c", issuer_url=CLUSTER, **values))
    new_cluster(cast)
    assert problems(TrustedIssuer(issuer=cast.oidc_m2m, name="d", issuer_url=CLUSTER))
    assert problems(TrustedIssuer(issuer=cast.oidc_m2m, name="cluster", issuer_url=CLUSTER + "2"))


@pytest.mark.contract("P7.9")
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"subject": ""}, "subject"),
        ({"subject": ".*", "subject_is_pattern": True}, "subject"),
        ({"subject": "[^:]+", "subject_is_pattern": True}, "subject"),
        ({"subject": "(?!x)y", "subject_is_pattern": True}, "subject"),
        ({"subject": "(", "subject_is_pattern": True}, "subject"),
        ({"claims": []}, "claims"),
        ({"claims": None}, "claims"),
        ({"claims": {"x": "\0"}}, "claims"),
        ({"claims": {"x": float("nan")}}, "claims"),
        ({"claims": {"x": 5_000 * "x"}}, "claims"),
        ({"claims": json.loads('{"x":' * 9 + "1" + "}" * 9)}, "claims"),
        ({"claims": json.loads('{"x":' + "[" * 8 + "]" * 8 + "}")}, "claims"),
        ({"claims": json.loads('{"x":' + "[" * 900 + "]" * 900 + "}")}, "claims"),
        *(({"claims": {name: "x"}}, "claims") for name in ("iss", "sub", "aud", "exp", "nbf", "iat")),
    ],
)
def test_a_federated_credential_pins_what_can_be_checked(
    cast: Cast, values: dict[str, Any], field: str
) -> None:
    credential = FederatedCredential(
        relying_party=new_workload(cast), trusted_issuer=new_cluster(cast), label="x", **{"subject": SUBJECT, **values}
    )  # fmt: skip
    assert list(problems(credential)) == [field]


@pytest.mark.contract("P7.9")
def test_a_federated_credential_stays_within_its_issuer(cast: Cast) -> None:
    deep = json.loads('{"x":' * 8 + "1" + "}" * 8)
    credential = FederatedCredential(
        relying_party=new_workload(cast), trusted_issuer=new_cluster(cast), label="x", subject=SUBJECT, claims=deep
    )  # fmt: skip
    credential.full_clean()
    credential.trusted_issuer = new_cluster(cast, issuer=cast.other)
    assert problems(credential) == {"trusted_issuer": ["It belongs to another issuer."]}


def test_a_key_that_an_upgrade_refuses_locks_nobody_else_out(cast: Cast) -> None:
    """What stands in the database passed the checks of its day: the other keys still count."""
    stored = {"keys": [{"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}, EC.jwk]}
    assert [key.kid for key in registered_keys(stored)] == [EC.kid]
