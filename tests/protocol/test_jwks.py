"""P5.2: the JWKS."""

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.utils import timezone
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from formats.thumbprints import thumbprint
from issuers.models import SigningAlg
from keys.jwk import public_jwk
from keys.lifecycle.creation import create_first_key
from keys.models import Purpose, SigningKey
from keys.record_key import make_record_key
from tests.support.cast import Cast
from tests.support.wire import get

JWKS = "/oidc_m2m/jwks"
CERTIFICATE = {"x5c", "x5t", "x5t#S256"}
MEMBERS = {
    "RS256": {"kty", "n", "e"},
    "PS256": {"kty", "n", "e"},
    "ES256": {"kty", "crv", "x", "y"},
    "ES384": {"kty", "crv", "x", "y"},
    "EdDSA": {"kty", "crv", "x"},
}


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture
def published(cast: Cast) -> dict[str, dict[str, Any]]:
    """A key of every algorithm, as the JWKS shows it."""
    for alg in set(SigningAlg.values) - {"RS256"}:
        create_first_key(issuer=cast.oidc_m2m, alg=alg, now=timezone.now())
    return {key["alg"]: key for key in get(JWKS).json["keys"]}


@pytest.mark.contract("P5.2", "P10.3")
@pytest.mark.spec("RFC 7517", "4")
def test_it_shows_public_members_only(published: dict[str, dict[str, Any]]) -> None:
    assert published.keys() == MEMBERS.keys()
    for alg, key in published.items():
        assert key.keys() == MEMBERS[alg] | CERTIFICATE | {"kid", "use", "alg"}
        assert key["use"] == "sig"
        assert not import_key(key).is_private


@pytest.mark.contract("P5.2")
@pytest.mark.spec("RFC 7638", "3")
def test_a_kid_is_the_thumbprint_and_unique(published: dict[str, dict[str, Any]]) -> None:
    for alg, key in published.items():
        canonical = json.dumps({name: key[name] for name in sorted(MEMBERS[alg])}, separators=(",", ":"))
        assert key["kid"] == base64url(hashlib.sha256(canonical.encode()).digest())
    assert len({key["kid"] for key in published.values()}) == len(published)


@pytest.mark.contract("P5.2")
@pytest.mark.spec("RFC 7638", "3.1")
def test_the_thumbprint_is_that_of_the_rfc() -> None:
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3ok"
        "njhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu"
        "6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8aw"
        "apJzKnqDKgw"
    )
    assert thumbprint({"kty": "RSA", "n": n, "e": "AQAB"}) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.contract("P5.2")
@pytest.mark.spec("RFC 7517", "4.7")
def test_the_certificate_is_of_the_key(published: dict[str, dict[str, Any]]) -> None:
    for key in published.values():
        (encoded,) = key["x5c"]
        der = base64.b64decode(encoded, validate=True)
        certified = x509.load_der_x509_certificate(der).public_key()
        shown = import_key(key)
        assert isinstance(shown, RSAKey | ECKey | OKPKey)
        assert certified == shown.public_key
        assert key["x5t"] == base64url(hashlib.sha1(der, usedforsecurity=False).digest())
        assert key["x5t#S256"] == base64url(hashlib.sha256(der).digest())


@pytest.mark.contract("P5.2")
@pytest.mark.spec("RFC 7518", "6.2.1.2")
@pytest.mark.parametrize(("curve", "width"), [(ec.SECP256R1(), 32), (ec.SECP384R1(), 48)])
def test_a_coordinate_keeps_its_leading_zeros(curve: ec.EllipticCurve, width: int) -> None:
    numbers = (ec.derive_private_key(secret, curve).public_key() for secret in range(1, 10_000))
    short = next(key for key in numbers if key.public_numbers().x < 1 << 8 * (width - 1))
    jwk = public_jwk(short)
    assert [len(base64.urlsafe_b64decode(jwk[name] + "==")) for name in ("x", "y")] == [width, width]


@pytest.mark.contract("P5.2")
@pytest.mark.spec("RFC 7518", "6.3.1.1")
def test_a_modulus_has_no_leading_zero() -> None:
    jwk = public_jwk(rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key())
    assert (len(base64.urlsafe_b64decode(jwk["n"] + "==")), jwk["e"]) == (256, "AQAB")


@pytest.mark.contract("P5.2")
@pytest.mark.spec("RFC 9110", "8.8.3")
def test_it_may_be_cached_and_asked_for_again(cast: Cast) -> None:
    answer = get(JWKS)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert "Pragma" not in answer.headers
    etag = answer.headers["ETag"]
    for held in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        again = get(JWKS, headers=[("If-None-Match", held)])
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", etag)
        assert again.headers["Cache-Control"] == "public, max-age=300"
        # A cache would take it for the document's own (RFC 9111 section 3.2).
        assert "Content-Type" not in again.headers
    assert get(JWKS, headers=[("If-None-Match", '"x"')]).status == 200


@pytest.mark.contract("P5.2")
def test_the_etag_changes_with_the_keys(cast: Cast) -> None:
    before = get(JWKS).headers["ETag"]
    create_first_key(issuer=cast.oidc_m2m, alg="ES256", now=timezone.now())
    after = get(JWKS, headers=[("If-None-Match", before)])
    assert (after.status, len(after.json["keys"])) == (200, 2)


@pytest.mark.contract("P5.2")
def test_the_issuer_sets_the_age(cast: Cast) -> None:
    cast.oidc_m2m.jwks_max_age = 60
    cast.oidc_m2m.checked().save()
    assert get(JWKS).headers["Cache-Control"] == "public, max-age=60"


@pytest.mark.contract("P5.2")
def test_an_issuers_key_is_in_its_own_jwks_only(cast: Cast) -> None:
    shown = {path: [key["kid"] for key in get(path).json["keys"]] for path in (JWKS, "/other/jwks")}
    assert shown == {JWKS: [cast.key.kid], "/other/jwks": [cast.other_key.kid]}


@pytest.mark.contract("P5.2")
def test_the_records_keys_stand_at_their_own_url(cast: Cast) -> None:
    key = SigningKey.objects.get(purpose=Purpose.RECORD)
    answer = get("/audit/jwks")
    (shown,) = answer.json["keys"]
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert (shown["kid"], shown["alg"], "d" in shown) == (key.kid, "EdDSA", False)


@pytest.mark.contract("P5.2")
def test_no_key_of_the_record_is_ever_dropped(cast: Cast) -> None:
    first = SigningKey.objects.get(purpose=Purpose.RECORD)
    second = make_record_key(timezone.now())
    SigningKey.objects.filter(pk=second.pk).update(revoked_at=timezone.now())
    third = make_record_key(timezone.now())
    assert [key["kid"] for key in get("/audit/jwks").json["keys"]] == [first.kid, second.kid, third.kid]
