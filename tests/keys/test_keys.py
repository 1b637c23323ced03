"""keys/: what a key made here is, in the database, in its certificate and in the hands of two libraries."""

import hashlib
import secrets
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.utils import timezone
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import JWKRegistry

from formats.thumbprints import base64url, thumbprint
from issuers.models import Issuer, SigningAlg
from keys.generation import generate_private_key
from keys.jwk import certificate_members, public_jwk
from keys.keyring import KeySnapshot, keyrings
from keys.lifecycle.creation import create_first_key, signing_alg_problem
from keys.models import RECORD, Purpose, SigningKey
from keys.signing import sign
from tests.support.cast import Cast

NOW = datetime(2026, 7, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
CLAIMS = {"iss": "https://idp.example", "sub": "é", "exp": 4_000_000_000, "aud": ["a", "b"]}


def key_of(cast: Cast, alg: str) -> SigningKey:
    made = SigningKey.objects.filter(issuer=cast.oidc_m2m, alg=alg).first()
    return made or create_first_key(issuer=cast.oidc_m2m, alg=alg, now=timezone.now())


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("alg", SigningAlg.values)
def test_two_libraries_verify_what_it_signs(cast: Cast, alg: str) -> None:
    snapshot = KeySnapshot.of(key_of(cast, alg))
    token = sign(dict(CLAIMS), header={"typ": "at+jwt"}, key=snapshot)
    verified = jwt.decode(token, jwt.PyJWK(snapshot.jwk), algorithms=[alg], audience="a")
    by_joserfc = joserfc_jwt.decode(token, JWKRegistry.import_key(snapshot.jwk), algorithms=[alg])
    assert verified == by_joserfc.claims == CLAIMS
    assert by_joserfc.header == {"alg": alg, "kid": snapshot.kid, "typ": "at+jwt"}


def test_a_header_cannot_name_another_key_or_algorithm(cast: Cast) -> None:
    snapshot = KeySnapshot.of(cast.other_key)
    token = sign(dict(CLAIMS), header={"kid": "another", "alg": "none"}, key=snapshot)
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": snapshot.kid, "typ": "JWT"}


@pytest.mark.parametrize("alg", SigningAlg.values)
def test_the_certificate_is_what_openssl_reads(cast: Cast, tmp_path: Path, alg: str) -> None:
    key = key_of(cast, alg)
    pem = tmp_path / "certificate.pem"
    pem.write_text(key.certificate_chain)

    def openssl(*arguments: str) -> bytes:
        return subprocess.run(
            ["openssl", "x509", "-in", pem, *arguments], capture_output=True, check=True
        ).stdout

    def fingerprint(digest: str) -> str:
        shown = openssl("-noout", "-fingerprint", digest).decode().partition("=")[2].strip()
        return base64url(bytes.fromhex(shown.replace(":", "")))

    members = certificate_members(key.certificate_chain)
    one_line = "".join(openssl().decode().splitlines()[1:-1])
    assert members == {"x5c": [one_line], "x5t": fingerprint("-sha1"), "x5t#S256": fingerprint("-sha256")}
    verified = subprocess.run(["openssl", "verify", "-CAfile", pem, pem], capture_output=True, check=False)
    assert verified.returncode == 0, verified.stderr
    assert openssl("-noout", "-checkend", str(3600 * 24 * 365 * 9)) == b"Certificate will not expire\n"
    public = x509.load_pem_x509_certificate(key.certificate_chain.encode()).public_key()
    assert public_jwk(public) == key.public_jwk  # type: ignore[arg-type]


@pytest.mark.spec("RFC 8037", "A.3")
def test_the_thumbprint_of_an_ed25519_key_is_that_of_the_rfc() -> None:
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    jwk = public_jwk(Ed25519PublicKey.from_public_bytes(public))
    assert jwk == {"crv": "Ed25519", "kty": "OKP", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert thumbprint(jwk) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_thumbprint_is_of_the_key_alone() -> None:
    jwk = public_jwk(generate_private_key("ES256").public_key())
    canonical = '{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}'.format(**jwk)
    assert thumbprint(jwk | {"kid": "x", "use": "sig"}) == thumbprint(jwk)
    assert thumbprint(jwk) == base64url(hashlib.sha256(canonical.encode()).digest())


def test_a_generated_key_has_only_public_members_in_the_open(cast: Cast) -> None:
    members = {alg: set(key_of(cast, alg).public_jwk) for alg in SigningAlg.values}
    assert members["RS256"] == members["PS256"] == {"kty", "n", "e"}
    assert members["ES256"] == members["ES384"] == {"kty", "crv", "x", "y"}
    assert members["EdDSA"] == {"kty", "crv", "x"}


@pytest.mark.parametrize("alg", ["HS256", "none", "", "rs256", "ES512"])
def test_no_other_algorithm_is_made(cast: Cast, alg: str) -> None:
    with pytest.raises(ValueError, match="offered are RS256, PS256, ES256, ES384, EdDSA"):
        create_first_key(issuer=cast.oidc_m2m, alg=alg, now=NOW)


def test_there_is_one_first_key_of_an_issuer_and_algorithm(cast: Cast) -> None:
    with pytest.raises(ValidationError, match="has a key of this algorithm; a new one is its successor"):
        create_first_key(issuer=cast.other, alg=SigningAlg.ES256, now=NOW)
    create_first_key(issuer=cast.oidc_m2m, alg=SigningAlg.ES256, now=NOW)
    assert SigningKey.objects.filter(alg=SigningAlg.ES256).count() == 2


@pytest.mark.parametrize("of_record", [False, True])
def test_of_many_that_make_it_at_once_one_succeeds(cast: Cast, *, of_record: bool) -> None:
    issuer = None if of_record else cast.oidc_m2m
    SigningKey.objects.filter(purpose=Purpose.RECORD).delete()

    def make(_: int) -> bool:
        try:
            create_first_key(issuer=issuer, alg=SigningAlg.EDDSA, now=NOW)
        except (ValidationError, IntegrityError):
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(make, range(8))) == 1
    assert SigningKey.objects.filter(alg=SigningAlg.EDDSA, issuer=issuer).count() == 1


def test_the_records_key_is_in_no_issuers_keyring(cast: Cast) -> None:
    made = SigningKey.objects.get(purpose=Purpose.RECORD)
    record, issuers = keyrings.get(RECORD), keyrings.get(cast.oidc_m2m.pk)
    assert record is not None
    assert issuers is not None
    assert [key.kid for key in record.keys] == [made.kid]
    assert made.kid not in {key.kid for key in issuers.keys}


REFUSED: dict[str, dict[str, Any]] = {
    "a token key without an issuer": {"purpose": "token", "issuer": None},
    "a record key with an issuer": {"purpose": "record", "alg": "EdDSA"},
    "a record key of another algorithm": {"purpose": "record", "issuer": None},
    "another purpose": {"purpose": "other"},
    "an unknown algorithm": {"alg": "HS256"},
    "an activation before publication": {"activates_at": NOW - HOUR},
    "a retirement without an expiry": {"retires_at": NOW + HOUR},
    "an expiry without a retirement": {"expires_at": NOW + HOUR},
    "a retirement before activation": {"retires_at": NOW - HOUR, "expires_at": NOW + HOUR},
    "an expiry before retirement": {"retires_at": NOW + HOUR, "expires_at": NOW},
    "a second first key of the algorithm": {"alg": "RS256"},
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_database_refuses(cast: Cast, what: str) -> None:
    values = {
        "purpose": "token", "issuer": cast.oidc_m2m, "kid": "k", "alg": "ES384", "public_jwk": {"kty": "EC"},
        "certificate_chain": "PEM", "published_at": NOW, "activates_at": NOW,
    }  # fmt: skip
    SigningKey(**values).save()
    with pytest.raises(IntegrityError):
        SigningKey(**(values | {"kid": "another", "alg": "PS256"} | REFUSED[what])).save()


def test_a_kid_stands_once_per_issuer_and_a_successor_once(cast: Cast) -> None:
    successor = key_row(issuer=cast.oidc_m2m, kid="next", predecessor=cast.key)
    successor.save()
    for kid, predecessor in (("next", successor), ("rival", cast.key)):
        with pytest.raises(IntegrityError):
            key_row(issuer=cast.oidc_m2m, kid=kid, predecessor=predecessor).save()
    key_row(issuer=cast.other, kid="next").save()


def test_a_key_stands_once_whoever_has_it(cast: Cast) -> None:
    with pytest.raises(IntegrityError):
        key_row(issuer=cast.other, kid="same", public_jwk=cast.key.public_jwk).save()


def key_row(*, kid: str, **values: Any) -> SigningKey:
    values = {"alg": "RS256", "public_jwk": {"n": secrets.token_urlsafe()}} | values
    return SigningKey(kid=kid, certificate_chain="PEM", published_at=NOW, activates_at=NOW, **values)


def test_of_an_issuer_it_says_which_command_makes_its_key(cast: Cast) -> None:
    assert signing_alg_problem(issuer=cast.oidc_m2m, alg="RS256", now=timezone.now()) is None
    assert signing_alg_problem(issuer=cast.oidc_m2m, alg="PS256", now=timezone.now()) == (
        "M2M has no active PS256 key. Create one first: manage.py create_key oidc_m2m PS256"
    )
    SigningKey.objects.update(revoked_at=timezone.now())
    assert signing_alg_problem(issuer=cast.oidc_m2m, alg="RS256", now=timezone.now())
    root = Issuer(path="", name="Root").checked()
    root.save()
    assert "create_key / RS256" in (signing_alg_problem(issuer=root, alg="RS256", now=NOW) or "")
