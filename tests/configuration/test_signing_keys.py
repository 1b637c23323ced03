"""Signing keys that a file imports: identified by themselves, imported once, all or nothing with the rest."""

import base64
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES
from django.core.management import call_command
from django.utils import timezone

from configuration.plan import Plan
from issuers.models import Issuer
from issuers.versioning.history import Source
from keys.lifecycle.revocation import revoke
from keys.models import SigningKey
from keys.schedule import KeyState
from tests.configuration.files import applied, details, problems_of
from tests.configuration.key_files import (
    FROM_PEM,
    FROM_STORE,
    LEGACY,
    LONG_AGO,
    MODERN,
    PASSWORDS,
    certificate,
    certificate_pem,
    imported,
    p256,
    pem,
    store,
)
from tests.keys.authority import Authority
from tests.support.cast import Cast
from tests.support.wire import ask, get

EC_PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
"""openssl ecparam -genkey writes it before the key."""


def take(rest: str, folder: Path, *, issuer: str = "oidc_m2m", dry_run: bool = False) -> Plan:
    text = imported(rest, issuer=issuer)
    return applied(text, environment=PASSWORDS, folder=folder, dry_run=dry_run)


def taken_key() -> SigningKey:
    return SigningKey.objects.get(alg="ES256", issuer__path="oidc_m2m")


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def test_a_pkcs12_store_signs_under_the_kid_that_was_published(cast: Cast, tmp_path: Path) -> None:
    key = p256()
    (tmp_path / "ks.p12").write_bytes(store(key))

    plan = applied(
        f"""
        issuers: [{{path: oidc_m2m, signing_alg: ES256}}]
        signing_keys: [{{issuer: oidc_m2m, {FROM_STORE}, alias: Signing, kid: as-published}}]
        """,
        environment=PASSWORDS,
        folder=tmp_path,
    )

    token = ask(auth=cast.basic("billing"))
    assert details(plan) == [
        '~ issuer oidc_m2m: signing_alg "RS256" -> "ES256"',
        "+ signing key ES256 of oidc_m2m: imported as as-published, signs at once",
    ]
    assert (token.header["alg"], token.header["kid"]) == ("ES256", "as-published")
    published = {jwk["kid"]: jwk for jwk in get("/oidc_m2m/jwks").json["keys"]}["as-published"]
    leaf = certificate_of(published)
    assert leaf == key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def certificate_of(jwk: dict[str, list[str]]) -> bytes:
    """The public key in the leaf of x5c."""
    leaf = x509.load_der_x509_certificate(base64.b64decode(jwk["x5c"][0]))
    return leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("password", ["", "key-password"])
@pytest.mark.django_db
def test_a_pem_key_comes_with_the_certificates_beside_it(tmp_path: Path, password: str) -> None:
    key = p256()
    own = certificate_pem(key)
    (tmp_path / "key.pem").write_bytes(own + EC_PARAMETERS + pem(key, password))

    take(FROM_PEM + (", key_password_from: {env: K}" if password else ""), tmp_path)

    assert taken_key().certificate_chain.encode() == own


@pytest.mark.django_db
def test_the_certificates_may_lie_in_a_file_of_their_own(tmp_path: Path) -> None:
    key, authority = p256(), Authority.new("Example CA")
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, SHA256())
    chain = authority.chain_for(request.public_bytes(Encoding.PEM).decode(), now=timezone.now())
    (tmp_path / "key.pem").write_bytes(pem(key))
    (tmp_path / "chain.pem").write_bytes(chain)

    take(f"alg: ES256, {FROM_PEM}, certificates: {{file: chain.pem}}", tmp_path)

    assert taken_key().certificate_chain.encode() == chain


@pytest.mark.django_db
def test_keys_come_from_variables_as_pem_and_as_base64(tmp_path: Path) -> None:
    text = pem(p256()).decode()
    encoded = base64.encodebytes(store(ec.generate_private_key(ec.SECP384R1()))).decode()

    plan = applied(
        """
        signing_keys:
          - {issuer: oidc_m2m, pem: {env: PEM}}
          - {issuer: oidc_m2m, pkcs12: {env: STORE}, store_password_from: {env: S}}
        """,
        environment={"PEM": text, "STORE": encoded, "S": "changeit"},
    )

    assert [detail.split(":")[0] for detail in details(plan)] == [
        "+ signing key ES256 of oidc_m2m",
        "+ signing key ES384 of oidc_m2m",
    ]


@pytest.mark.parametrize(("scheme", "password"), [(MODERN, "pässword"), (LEGACY, "changeit"), (MODERN, "")])
@pytest.mark.django_db
def test_stores_of_old_and_new_ciphers_and_without_a_password_are_read(
    tmp_path: Path, scheme: PBES, password: str
) -> None:
    (tmp_path / "ks.p12").write_bytes(store(p256(), password, scheme=scheme))
    reference = ", store_password_from: {env: S}" if password else ""

    text = imported(f"pkcs12: {{file: ks.p12}}{reference}")
    plan = applied(text, environment={"S": password}, folder=tmp_path)

    assert len(plan.changes) == 1


def test_a_further_key_is_announced_as_the_successor(cast: Cast, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(pem(p256()))

    plan = take(f"{FROM_PEM}, kid: next", tmp_path, issuer="other")

    key = SigningKey.objects.get(kid="next")
    assert key.predecessor == cast.other_key
    assert details(plan) == [
        f"+ signing key ES256 of other: imported as next, announced, signs from {key.activates_at:%Y-%m-%d %H:%M} UTC"
    ]
    assert ask(target="/other/token", auth=cast.basic("stranger")).header["kid"] == cast.other_key.kid


@pytest.mark.django_db
def test_a_key_that_is_here_is_no_change(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(pem(p256()))
    take(f"alg: ES256, {FROM_PEM}, kid: old", tmp_path)

    again = [take(rest, tmp_path) for rest in (f"alg: ES256, {FROM_PEM}, kid: old", FROM_PEM)]

    assert [(plan.changes, plan.unchanged, plan.warnings) for plan in again] == [((), 1, ())] * 2


@pytest.mark.parametrize(
    ("issuer", "rest"),
    [("other", FROM_PEM), ("oidc_m2m", f"{FROM_PEM}, kid: another"), ("oidc_m2m", f"alg: RS256, {FROM_PEM}")],
)
@pytest.mark.django_db
def test_a_key_that_is_here_as_another_is_refused(tmp_path: Path, issuer: str, rest: str) -> None:
    (tmp_path / "key.pem").write_bytes(pem(p256()))
    take(f"{FROM_PEM}, kid: old", tmp_path)

    lines = problems_of(imported(rest, issuer=issuer), folder=tmp_path)

    assert lines == ["f:1:16: This key is here already, as ES256 key old of issuer oidc_m2m."]


def test_a_revoked_key_does_not_come_back(cast: Cast, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(pem(p256()))
    take(f"{FROM_PEM}, kid: leaked", tmp_path)
    revoke(SigningKey.objects.get(kid="leaked"), now=timezone.now())

    plan = take(f"{FROM_PEM}, kid: leaked", tmp_path)

    assert plan.changes == ()
    assert plan.warnings == ("signing key ES256 of oidc_m2m: leaked was revoked and does not come back.",)


@pytest.mark.django_db
def test_a_dry_run_takes_nothing_and_checks_all(tmp_path: Path) -> None:
    (tmp_path / "ks.p12").write_bytes(store(p256()))
    before = SigningKey.objects.count()

    plan = take(f"{FROM_STORE}, kid: old", tmp_path, dry_run=True)

    assert details(plan) == ["+ signing key ES256 of oidc_m2m: imported as old, signs at once"]
    assert SigningKey.objects.count() == before
    (line,) = problems_of(imported(FROM_STORE), environment={"S": "wrong"}, folder=tmp_path)
    assert "its password is wrong" in line


@pytest.mark.django_db
def test_nothing_is_taken_where_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(pem(p256()))
    before = SigningKey.objects.count()

    problems_of(f"{imported(FROM_PEM)}\nissuers: [{{path: oidc_m2m, jwks_max_age: -1}}]", folder=tmp_path)

    assert SigningKey.objects.count() == before


@pytest.mark.django_db
def test_a_key_is_for_an_issuer_of_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(pem(Ed25519PrivateKey.generate()))
    text = f"{imported(FROM_PEM, issuer='shop')}\nissuers: [{{path: shop, name: Shop, signing_alg: EdDSA}}]"

    applied(text, folder=tmp_path)

    key = SigningKey.objects.get(issuer__path="shop")
    assert (key.alg, key.state(), key.history.get().source) == ("EdDSA", KeyState.ACTIVE, Source.FILE)


@pytest.mark.parametrize(
    ("own", "said", "taken"), [("PS256", "", "PS256"), ("ES256", "", "RS256"), ("ES256", "PS256", "PS256")]
)
def test_an_rsa_key_signs_as_the_file_says_or_as_its_issuer_or_with_rs256(
    cast: Cast, tmp_path: Path, rsa_key: rsa.RSAPrivateKey, own: str, said: str, taken: str
) -> None:
    Issuer.objects.filter(pk=cast.other.pk).update(signing_alg=own)
    (tmp_path / "key.pem").write_bytes(pem(rsa_key, "key-password", form=PrivateFormat.TraditionalOpenSSL))

    take(
        (f"alg: {said}, " if said else "") + f"{FROM_PEM}, key_password_from: {{env: K}}, kid: old",
        tmp_path,
        issuer="other",
    )

    assert SigningKey.objects.get(kid="old").alg == taken


@pytest.mark.django_db
def test_an_expired_certificate_is_reported_with_the_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = p256()
    (tmp_path / "key.pem").write_bytes(pem(key) + certificate_pem(key, now=timezone.now() - LONG_AGO))
    (tmp_path / "c.yaml").write_text(imported(f"{FROM_PEM}, kid: old"))

    call_command("apply", "-f", str(tmp_path / "c.yaml"))

    plan, warning = capsys.readouterr().out.splitlines()
    assert plan == "+ signing key ES256 of oidc_m2m: imported as old, signs at once"
    assert warning.startswith("! signing key ES256 of oidc_m2m: The certificate CN=old idp expired on 20")


@pytest.mark.django_db
def test_another_entry_of_the_store_stays_out_of_the_chain(tmp_path: Path) -> None:
    (tmp_path / "ks.p12").write_bytes(store(p256(), others=(("trusted", certificate(p256())),)))

    take(f"{FROM_STORE}, alias: signing", tmp_path)

    chain = taken_key().certificate_chain
    assert chain.count("BEGIN CERTIFICATE") == 1
