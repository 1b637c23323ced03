"""How a key in a PKCS#11 token comes in: made there, or there already."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.management import CommandError, call_command
from django.utils import timezone
from pkcs11 import Attribute, ObjectClass

from issuers.models import SigningAlg
from keys.generation import PrivateKey, generate_private_key, self_signed_certificate
from keys.keyring import KeySnapshot
from keys.lifecycle.wiping import KEPT_AFTER_EXPIRY, wipe_expired_private_keys
from keys.models import SigningKey
from keys.pkcs11.token import OpenToken, in_token
from keys.pkcs11.uri import Pkcs11Uri
from keys.schedule import KeyState
from keys.signing import check
from tests.keys.softhsm import URI, SoftHsm, labels
from tests.support.cast import Cast
from tests.support.wire import get

NEWCOMER = f"{URI};object=newcomer"
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)

Put = Callable[[PrivateKey], bytes]


@pytest.fixture
def put(softhsm: SoftHsm, tmp_path: Path) -> Put:
    """Puts a key into the token under the label `newcomer`, in the place of the one before; returns its id."""

    def put_in(key: PrivateKey) -> bytes:
        remove({Attribute.LABEL: "newcomer"})
        path, key_id = tmp_path / "key.pem", token_bytes(8)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        softhsm.take_in(path, label="newcomer", key_id=key_id)
        return key_id

    return put_in


def remove(wanted: dict[Attribute, object]) -> None:
    def destroy(opened: OpenToken) -> None:
        for found in list(opened.session.get_objects(wanted)):
            found.destroy()

    in_token(Pkcs11Uri.parse(URI), destroy, writes=True)


def add_certificate(pem: str, *, key_id: bytes) -> None:
    certificate = x509.load_pem_x509_certificate(pem.encode())
    attributes = {
        Attribute.CLASS: ObjectClass.CERTIFICATE,
        Attribute.CERTIFICATE_TYPE: 0,
        Attribute.TOKEN: True,
        Attribute.ID: key_id,
        Attribute.SUBJECT: certificate.subject.public_bytes(),
        Attribute.VALUE: certificate.public_bytes(Encoding.DER),
    }
    in_token(Pkcs11Uri.parse(URI), lambda opened: opened.session.create_object(attributes), writes=True)


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        call_command(*arguments)
    return str(caught.value)


def test_a_key_is_made_in_a_token(cast: Cast, softhsm: SoftHsm, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_key", "oidc_m2m", "ES384", "--pkcs11", URI)
    key = SigningKey.objects.get(issuer=cast.oidc_m2m, alg="ES384")
    assert capsys.readouterr().out.strip() == key.kid
    assert Pkcs11Uri.parse(key.pkcs11_uri).object in labels()
    check(KeySnapshot.of(key))


def test_a_key_that_is_refused_is_not_left_in_the_token(cast: Cast, softhsm: SoftHsm) -> None:
    before = labels()
    assert "has a key of this algorithm" in refusal("create_key", "oidc_m2m", "RS256", "--pkcs11", URI)
    assert labels() == before


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        (NEWCOMER, "Name the token alone"),
        ("pkcs11:token=another", "PKCS11_MODULE knows no token another"),
        ("another", "is not a PKCS#11 URI"),
    ],
)
def test_a_key_is_not_made_where_there_is_no_token(cast: Cast, softhsm: SoftHsm, uri: str, why: str) -> None:
    assert why in refusal("create_key", "oidc_m2m", "ES256", "--pkcs11", uri)


def test_the_key_of_the_record_is_not_made_in_a_token(cast: Cast) -> None:
    assert "--record alone" in refusal("create_key", "--record", "--pkcs11", URI)


@pytest.mark.parametrize("alg", ["PS256", "ES256", "ES384", "EdDSA"])
def test_a_key_that_is_there_is_taken_and_keeps_its_kid(
    cast: Cast, put: Put, alg: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put(generate_private_key(alg))
    call_command("import_key", "oidc_m2m", alg, "--pkcs11", NEWCOMER, "--kid", "as-published")
    assert capsys.readouterr().out == "as-published\n"
    key = SigningKey.objects.get(kid="as-published")
    assert (key.encrypted_private_key, key.pkcs11_uri) == (None, f"{NEWCOMER};type=private")
    check(KeySnapshot.of(key))
    assert "as-published" in [shown["kid"] for shown in get("/oidc_m2m/jwks").json["keys"]]


def test_a_key_is_found_by_its_id(cast: Cast, put: Put) -> None:
    key_id = put(generate_private_key("ES256"))
    uri = f"{URI};id=" + "".join(f"%{byte:02X}" for byte in key_id)
    call_command("import_key", "oidc_m2m", "ES256", "--pkcs11", uri)
    check(KeySnapshot.of(SigningKey.objects.get(issuer=cast.oidc_m2m, alg="ES256")))


def test_a_further_key_is_the_announced_successor(cast: Cast, put: Put) -> None:
    put(generate_private_key("RS256"))
    call_command("import_key", "oidc_m2m", "RS256", "--pkcs11", NEWCOMER)
    assert SigningKey.objects.get(predecessor=cast.key).state() == KeyState.ANNOUNCED


def test_the_certificate_beside_a_key_is_its_chain(
    cast: Cast, put: Put, capsys: pytest.CaptureFixture[str]
) -> None:
    key = generate_private_key("ES256")
    certificate = self_signed_certificate(key, common_name="of the token", now=LONG_AGO)
    add_certificate(certificate, key_id=put(key))
    call_command("import_key", "oidc_m2m", "ES256", "--pkcs11", NEWCOMER)
    assert SigningKey.objects.get(issuer=cast.oidc_m2m, alg="ES256").certificate_chain == certificate
    assert "CN=of the token expired on 2009-12-27" in capsys.readouterr().err


def test_the_public_half_may_come_from_the_certificate(cast: Cast, put: Put) -> None:
    key = generate_private_key("ES256")
    key_id = put(key)
    remove({Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.ID: key_id})
    assert "neither the public half" in refusal("import_key", "oidc_m2m", "ES256", "--pkcs11", NEWCOMER)
    add_certificate(self_signed_certificate(key, common_name="x", now=timezone.now()), key_id=key_id)
    call_command("import_key", "oidc_m2m", "ES256", "--pkcs11", NEWCOMER)


def test_a_public_half_of_another_key_is_found_out(cast: Cast, put: Put) -> None:
    key_id = put(generate_private_key("ES256"))
    remove({Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.ID: key_id})
    stranger = self_signed_certificate(generate_private_key("ES256"), common_name="x", now=timezone.now())
    add_certificate(stranger, key_id=key_id)
    assert "does not fit the public half beside it" in refusal(
        "import_key", "oidc_m2m", "ES256", "--pkcs11", NEWCOMER
    )


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (rsa.generate_private_key(65537, 1024), "1024 bits; at least 2048"),  # noqa: S505 - weak on purpose
        (ec.generate_private_key(ec.SECP521R1()), "Only RSA, P-256, P-384 and Ed25519"),
        (ec.generate_private_key(ec.SECP384R1()), "signs with ES384, not with ES256"),
    ],
)
def test_a_key_that_is_not_offered_is_refused(cast: Cast, put: Put, key: PrivateKey, why: str) -> None:
    put(key)
    assert why in refusal("import_key", "oidc_m2m", "ES256", "--pkcs11", NEWCOMER)
    assert not SigningKey.objects.filter(alg=SigningAlg.ES256, issuer=cast.oidc_m2m).exists()


def test_a_key_is_taken_once(cast: Cast, put: Put) -> None:
    put(generate_private_key("ES256"))
    call_command("import_key", "oidc_m2m", "ES256", "--pkcs11", NEWCOMER)
    assert "is here already" in refusal("import_key", "other", "ES256", "--pkcs11", NEWCOMER)


def test_a_key_that_took_the_label_of_an_expired_one_is_not_destroyed_with_it(cast: Cast, put: Put) -> None:
    put(generate_private_key("ES256"))
    call_command("import_key", "oidc_m2m", "ES256", "--pkcs11", NEWCOMER)
    put(generate_private_key("ES256"))
    call_command("import_key", "oidc_m2m", "ES256", "--pkcs11", NEWCOMER)
    first = SigningKey.objects.get(alg=SigningAlg.ES256, successor__isnull=False)
    assert first.expires_at is not None
    assert wipe_expired_private_keys(now=first.expires_at + KEPT_AFTER_EXPIRY) == [first]
    check(KeySnapshot.of(SigningKey.objects.get(predecessor=first)))


def test_a_refused_key_stays_in_the_token(cast: Cast, put: Put) -> None:
    put(generate_private_key("ES256"))
    assert "signs with ES256" in refusal("import_key", "oidc_m2m", "RS256", "--pkcs11", NEWCOMER)
    assert "newcomer" in labels()


def test_a_file_or_a_token_is_named(cast: Cast) -> None:
    assert "one of the arguments file --pkcs11 is required" in refusal("import_key", "oidc_m2m", "ES256")
