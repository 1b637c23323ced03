"""P8.3: every check of RFC 9449 section 4.3, by one fault in a proof that is right otherwise."""

import base64
import json
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.errors import SecurityWarning
from joserfc.jwk import OctKey, RSAKey

from tests.protocol.dpop import assert_refused_for, billing
from tests.support.cast import Cast
from tests.support.proofs import MISSING, encoded, key_for, proof, public, signed

REFUSED = "The DPoP proof is refused. "
NO_JWS = "It is not a JWS in compact serialization: three parts separated by dots."
NO_BASE64URL = "A part of it is not base64url without padding."
NO_ALG = "Its alg is not one of RS256, PS256, ES256, ES384, ES512, EdDSA, Ed25519."
NO_SIGNATURE = "Its signature is not by the key that it holds."
OTHER_KIND = "Its typ is missing or that of another kind of token."
BAD_CLAIMS = "Its claims is not valid JSON (syntax, duplicate member, or NaN/Infinity)."
BAD_HEADER = "Its header is not valid JSON (syntax, duplicate member, or NaN/Infinity)."
NOT_OFFERED = "Its jwk is refused. Offered are RSA keys, the curves P-256, P-384 and P-521, and Ed25519."
NO_NUMBER = "Its iat is not a number of seconds."
AHEAD = "Its iat is ahead of this server's clock: set the client's clock."
BEYOND = "Its iat is beyond the calendar: it counts seconds since 1970."
OLD = "It is older than 300 seconds: make a new one for each request."


def part(index: int, change: Callable[[str], str]) -> Callable[[], str]:
    """A proof with one of its three parts changed."""

    def made() -> str:
        parts = proof().split(".")
        parts[index] = change(parts[index])
        return ".".join(parts)

    return made


def claims(**changes: Any) -> Callable[[], str]:
    return lambda: proof(changes)


def header(**changes: Any) -> Callable[[], str]:
    return lambda: proof(header=changes)


def jwk(**changes: Any) -> Callable[[], str]:
    """A proof whose key has these members, too or instead."""
    kept = {**public(key_for("ES256")), **changes}
    return header(jwk={name: value for name, value in kept.items() if value is not MISSING})


def at(seconds: float) -> Callable[[], str]:
    return lambda: proof({"iat": time.time() + seconds})


def in_text(old: str, new: str, *, of: int) -> Callable[[], str]:
    """A proof in whose claims, or header, a piece of the JSON is written in another way; the signature is right."""

    def made() -> str:
        parts = [base64.urlsafe_b64decode(segment + "==").decode() for segment in proof().split(".")[:2]]
        assert old in parts[of]
        parts[of] = parts[of].replace(old, new, 1)
        return signed(parts[0].encode(), parts[1].encode(), alg="ES256", key=key_for("ES256"))

    return made


def weak_rsa(bits: int, exponent: int) -> str:
    private = rsa.generate_private_key(public_exponent=exponent, key_size=bits)
    with warnings.catch_warnings(action="ignore", category=SecurityWarning):
        return proof(alg="RS256", key=RSAKey.import_key(private))


def by_hmac_with_the_public_key() -> str:
    """CVE-2015-9235."""
    shared = json.dumps(public(key_for("ES256"))).encode()
    return signed(
        {"typ": "dpop+jwt", "alg": "HS256", "jwk": public(key_for("ES256"))},
        b"{}",
        alg="HS256",
        key=OctKey.import_key(shared),
    )


OTHER_KEY = public(key_for("ES256", number=1))
NOW = 'iat": '

NO_PROOFS: Mapping[str, tuple[Callable[[], str], str]] = {
    "an empty header": (lambda: "", NO_JWS),
    "no JWT": (lambda: "junk", NO_JWS),
    "two parts": (lambda: proof().rpartition(".")[0], NO_JWS),
    "five parts, as a JWE has": (lambda: proof() + ".e30.e30", NO_JWS),
    "JSON serialization": (lambda: json.dumps({"payload": "e30", "signature": "e30"}), NO_JWS),
    "an empty second one": (lambda: proof() + ",", NO_BASE64URL),
    "padding": (part(2, lambda text: text + "=="), NO_BASE64URL),
    "standard base64": (part(2, lambda text: "+/" + text[2:]), NO_BASE64URL),
    "a space": (part(1, lambda text: text + " "), NO_BASE64URL),
    "no ASCII": (part(2, lambda text: "\xe9" + text[1:]), NO_BASE64URL),
    "a header that is not JSON": (part(0, lambda _: encoded(b"junk")), BAD_HEADER),
    "a header that is a list": (part(0, lambda _: encoded(b"[]")), "Its header is not a JSON object."),
    "claims that are no JSON": (part(1, lambda _: encoded(b"{")), BAD_CLAIMS),
    "claims that are a text": (part(1, lambda _: encoded(b'"x"')), "Its claims is not a JSON object."),
    "claims not in UTF-8": (part(1, lambda _: encoded(b'{"a":"\xff"}')), BAD_CLAIMS),
    "nested claims": (part(1, lambda _: encoded(b"[" * 11_000)), BAD_CLAIMS),
    "a nested header": (part(0, lambda _: encoded(b'{"jwk":' * 1_500)), BAD_HEADER),
    "more than 16 kB": (claims(x="x" * 16_000), "It has more than 16384 characters."),
    "a claim twice": (in_text('"htm": "POST"', '"htm": "POST", "htm": "POST"', of=1), BAD_CLAIMS),
    "a header member twice": (in_text('"typ"', '"typ": "dpop+jwt", "typ"', of=0), BAD_HEADER),
    "a member of the key twice": (in_text('"kty"', '"kty": "EC", "kty"', of=0), BAD_HEADER),
}  # fmt: skip

HEADERS: Mapping[str, tuple[Callable[[], str], str]] = {
    "typ missing": (header(typ=MISSING), OTHER_KIND),
    "typ JWT": (header(typ="JWT"), OTHER_KIND),
    "typ at+jwt": (header(typ="at+jwt"), OTHER_KIND),
    "typ longer": (header(typ="dpop+jwt2"), OTHER_KIND),
    "typ of another tree": (header(typ="text/dpop+jwt"), OTHER_KIND),
    "typ no text": (header(typ=["dpop+jwt"]), OTHER_KIND),
    "alg missing": (header(alg=MISSING), NO_ALG),
    "alg none": (header(alg="none"), NO_ALG),
    "alg nOnE, unsigned": (lambda: proof(header={"alg": "nOnE"}).rpartition(".")[0] + ".", NO_ALG),
    "alg a list": (header(alg=["ES256"]), NO_ALG),
    "alg HS256": (by_hmac_with_the_public_key, NO_ALG),
    "alg RS512": (lambda: proof(alg="RS512"), NO_ALG),
    "alg in small letters": (header(alg="es256"), NO_ALG),
    "alg of another curve": (header(alg="ES384"), "Its alg is ES384, which its key does not allow."),
    "alg of another type": (header(alg="RS256"), "Its alg is RS256, which its key does not allow."),
    "alg other than the key's": (
        lambda: proof(alg="RS256", header={"jwk": {**public(key_for("RS256")), "alg": "PS256"}}),
        "Its alg is RS256, which its key does not allow.",
    ),
    "crit": (header(crit=["b64"], b64=False), "Its header has crit, b64, which is not understood here."),
    "zip": (header(zip="DEF"), "Its header has zip, which is not understood here."),
    "kid no text": (header(kid=1), "Its kid is not text."),
    "unsigned": (part(2, lambda _: ""), NO_SIGNATURE),
    "a signature cut": (part(2, lambda text: text[:-2]), NO_SIGNATURE),
    "a signature by another key": (lambda: proof(signer=key_for("ES256", number=1)), NO_SIGNATURE),
    "the key of another": (header(jwk=OTHER_KEY), NO_SIGNATURE),
    "claims of another proof": (part(1, lambda _: proof().split(".")[1]), NO_SIGNATURE),
}  # fmt: skip

KEYS: Mapping[str, tuple[Callable[[], str], str]] = {
    "missing": (header(jwk=MISSING), "Its jwk is refused. A key is a JSON object."),
    "a text": (header(jwk="x"), "Its jwk is refused. A key is a JSON object."),
    "a list": (header(jwk=[public(key_for("ES256"))]), "Its jwk is refused. A key is a JSON object."),
    "empty": (header(jwk={}), NOT_OFFERED),
    "by kid alone": (header(jwk=MISSING, kid="1"), "Its jwk is refused. A key is a JSON object."),
    "without its x": (jwk(x=MISSING), "Its jwk is refused. Its member x is missing or not in base64url."),
    "x a number": (jwk(x=1), "Its jwk is refused. Its member x is missing or not in base64url."),
    "not on its curve": (jwk(x=OTHER_KEY["x"]), "Its jwk is refused. Its numbers make no key of that kind."),
    "too short": (jwk(x="AA"), "Its jwk is refused. Its numbers make no key of that kind."),
    "of another curve": (jwk(crv="P-384"), "Its jwk is refused. Its numbers make no key of that kind."),
    "secp256k1": (lambda: proof(header={"jwk": public(key_for("ES256K"))}), NOT_OFFERED),
    "Ed448": (lambda: proof(header={"jwk": public(key_for("Ed448"))}), NOT_OFFERED),
    "symmetric, empty": (header(jwk={"kty": "oct"}), NOT_OFFERED),
    "for encryption": (jwk(use="enc"), "Its jwk is refused. Its use must be sig."),
    "for no verification": (jwk(key_ops=["sign"]), "Its jwk is refused. Its key_ops must include verify."),
    "RSA of 1024 bits": (
        lambda: weak_rsa(1024, 65537),
        "Its jwk is refused. An RSA key has 2048 to 8192 bits; this one has 1024.",
    ),
    "RSA with e = 3": (
        lambda: weak_rsa(2048, 3), "Its jwk is refused. An RSA key's exponent must be 65537."
    ),
}  # fmt: skip

PRIVATE = {
    "ES256": "d",
    "EdDSA": "d",
    "RS256": "d, dp, dq, p, q, qi",
    "HS256": "k",
}

CLAIMS: Mapping[str, tuple[Callable[[], str], str]] = {
    "htm missing": (claims(htm=MISSING), "Its htm is missing."),
    "htm GET": (claims(htm="GET"), "Its htm is not POST."),
    "htm post": (claims(htm="post"), "Its htm is not POST."),
    "htm empty": (claims(htm=""), "Its htm is no text."),
    "htm a list": (claims(htm=["POST"]), "Its htm is no text."),
    "htu missing": (claims(htu=MISSING), "Its htu is missing."),
    "htu a list": (claims(htu=["http://127.0.0.1:8000/oidc_m2m/token"]), "Its htu is no text."),
    "jti missing": (claims(jti=MISSING), "Its jti is missing."),
    "jti empty": (claims(jti=""), "Its jti is no text."),
    "jti a number": (claims(jti=1), "Its jti is no text."),
    "jti null": (claims(jti=None), "Its jti is no text."),
    "iat missing": (claims(iat=MISSING), "Its iat is missing."),
    "iat a text": (claims(iat=str(int(time.time()))), NO_NUMBER),
    "iat true": (claims(iat=True), NO_NUMBER),
    "iat null": (claims(iat=None), NO_NUMBER),
    "iat beyond a double": (in_text(NOW, NOW + "1e400, \"x\": ", of=1), BAD_CLAIMS),
    "iat NaN": (claims(iat=float("nan")), BAD_CLAIMS),
    "iat Infinity": (claims(iat=float("-inf")), BAD_CLAIMS),
    "jti of half a surrogate pair": (
        claims(jti="\ud800"), "Its jti holds a lone surrogate, which is not a character."
    ),
    "htu with half a surrogate pair": (
        claims(htu="http://127.0.0.1:8000/oidc_m2m/token\ud800"),
        "Its htu holds a lone surrogate, which is not a character.",
    ),
    "iat of 400 digits": (claims(iat=10**400), BEYOND),
    "iat of 400 digits below zero": (claims(iat=-(10**400)), BEYOND),
    "iat of 5000 digits": (in_text(NOW, f"{NOW}1{'0' * 5_000}, \"x\": ", of=1), BAD_CLAIMS),
    "iat 0": (claims(iat=0), OLD),
    "iat in milliseconds": (claims(iat=int(time.time() * 1_000)), BEYOND),
    "iat 301 seconds ago": (at(-301), OLD),
    "iat in 70 seconds": (at(70), AHEAD),
    "exp past": (lambda: proof({"exp": time.time() - 61}), "Its exp is past."),
    "exp a text": (claims(exp="2100"), "Its exp is not a number of seconds."),
    "nbf ahead": (
        lambda: proof({"nbf": time.time() + 70}),
        "Its nbf is ahead of this server's clock: set the client's clock.",
    ),
}  # fmt: skip

FINE: Mapping[str, Callable[[], str]] = {
    "iat 290 seconds ago": at(-290),
    "iat in 50 seconds": at(50),
    "exp and nbf": lambda: proof({"exp": time.time() + 60, "nbf": time.time() - 60}),
    "exp past within the skew": lambda: proof({"exp": time.time() - 30, "nbf": time.time() + 30}),
    "more claims": claims(ath="x", nonce="n", x={"y": [1, None]}),
    "more of the header": header(jku="http://127.0.0.1:9/", x5u="http://127.0.0.1:9/", kid="x", cty="x"),
    "more of the key": jwk(kid="1", use="sig", alg="ES256", key_ops=["verify"], ext=True),
    "members of the key that do not count": jwk(kid=1, x5c=[], x5t=1),
    "typ in other letters": header(typ="DPoP+JWT"),
    "typ in full": header(typ="application/dpop+jwt"),
    "a time in fractions": lambda: proof({"iat": time.time() - 0.5}),
}


def faults() -> list[Any]:
    tables = {"no proof": NO_PROOFS, "header": HEADERS, "key": KEYS, "claims": CLAIMS}
    return [
        pytest.param(make, reason, id=f"{table}: {fault}")
        for table, rows in tables.items()
        for fault, (make, reason) in rows.items()
    ]


@pytest.mark.contract("P8.3")
@pytest.mark.spec("RFC 9449", "4.3")
@pytest.mark.parametrize(("make", "reason"), faults())
def test_a_fault_of_a_proof_is_refused_and_named_in_the_record(
    dpop: Cast, make: Callable[[], str], reason: str
) -> None:
    answer = billing(dpop, make())
    assert_refused_for(answer, REFUSED + reason)


@pytest.mark.contract("P8.3")
@pytest.mark.parametrize("alg", PRIVATE)
def test_a_private_key_is_refused(dpop: Cast, alg: str) -> None:
    key = key_for(alg)
    sent = proof(alg="ES256", header={"jwk": key.as_dict(private=True)})
    assert_refused_for(
        billing(dpop, sent),
        f"{REFUSED}Its jwk is refused. It holds {PRIVATE[alg]}, which is private: "
        "register the public half, and replace the key.",
    )


@pytest.mark.contract("P8.3")
@pytest.mark.spec("RFC 9449", "4.3")
def test_two_proofs_are_refused_though_each_is_right(dpop: Cast) -> None:
    one = proof()
    assert_refused_for(billing(dpop, one, proof()), REFUSED + NO_JWS)
    assert billing(dpop, one).status == 200


@pytest.mark.contract("P8.3")
def test_one_proof_twice_is_refused(dpop: Cast) -> None:
    one = proof()
    assert_refused_for(billing(dpop, one, one), REFUSED + NO_JWS)


@pytest.mark.contract("P8.3")
@pytest.mark.parametrize("make", FINE.values(), ids=FINE)
def test_what_is_no_fault(dpop: Cast, make: Callable[[], str]) -> None:
    answer = billing(dpop, make())
    assert (answer.status, answer.json.get("token_type")) == (200, "DPoP")
