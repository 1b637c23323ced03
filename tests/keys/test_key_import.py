"""Keys that were made elsewhere, and keys at rest that move to another key-encryption key."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from keys.generation import PrivateKey, generate_private_key, self_signed_certificate
from keys.importing import key_files
from keys.importing.adoption import adopt
from keys.importing.key_files import read_pem, read_pkcs12
from keys.keyring import KeySnapshot
from keys.lifecycle.rewrapping import rewrap_keys
from keys.models import SigningKey
from keys.schedule import KeyState
from keys.signing import private_key_of
from tests.support.cast import Cast
from tests.support.weak_keys import roca_key

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def pem(key: PrivateKey, password: str = "") -> bytes:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


@pytest.fixture(scope="module")
def pkcs12(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Made by openssl, as an operator's would be."""
    folder = tmp_path_factory.mktemp("store")
    run = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=old idp", "-days", "30"]
    subprocess.run(
        [*run, "-keyout", "key.pem", "-out", "crt.pem"], cwd=folder, check=True, capture_output=True
    )
    pack = ["openssl", "pkcs12", "-export", "-inkey", "key.pem", "-in", "crt.pem", "-name", "signing"]
    subprocess.run([*pack, "-out", "store.p12", "-passout", "pass:changeit"], cwd=folder, check=True)
    return (folder / "store.p12").read_bytes()


def test_a_pkcs12_store_gives_its_key_and_certificate(pkcs12: bytes) -> None:
    foreign = read_pkcs12(pkcs12, store_password="changeit", alias="SIGNING")
    assert foreign.chain[0].subject.rfc4514_string() == "CN=old idp"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"store_password": "wrong"}, "cannot be opened"),
        ({"store_password": "changeit", "alias": "other"}, "its key's alias is signing"),
        ({"store_password": "changeit", "key_password": "another"}, "give the store's alone"),
    ],
)
def test_a_pkcs12_store_is_refused(pkcs12: bytes, options: dict[str, str], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        read_pkcs12(pkcs12, **options)


def test_a_java_key_store_is_refused_with_the_line_that_converts_it() -> None:
    with pytest.raises(ValidationError, match=r"keytool -importkeystore .* -deststoretype PKCS12"):
        read_pkcs12(b"\xfe\xed\xfe\xed....", store_password="changeit")


@pytest.mark.parametrize("password", ["", "changeit"])
def test_a_pem_key_is_read_with_its_password(password: str) -> None:
    key = generate_private_key("ES256")
    chain = self_signed_certificate(key, common_name="old", now=NOW).encode()
    assert read_pem(pem(key, password) + chain, password=password).chain_pem.encode() == chain


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (rsa.generate_private_key(65537, 1024), "1024 bits; at least 2048"),  # noqa: S505 - weak on purpose
        (rsa.generate_private_key(3, 2048), "exponent is 3"),
        (roca_key(), r"weak \(ROCA, CVE-2017-15361\).*Make a new key"),
        (ec.generate_private_key(ec.SECP521R1()), "Only RSA, P-256, P-384 and Ed25519"),
    ],
)
def test_a_weak_or_unknown_key_is_refused(key: PrivateKey, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        read_pem(pem(key))


def test_a_key_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_files, "MAX_RSA_BITS", 2048)
    with pytest.raises(ValidationError, match="2304 bits; at most 2048"):
        read_pem(pem(rsa.generate_private_key(65537, 2304)))


def test_a_certificate_of_another_key_is_refused() -> None:
    stranger = self_signed_certificate(generate_private_key("ES256"), common_name="x", now=NOW)
    with pytest.raises(ValidationError, match="of another key"):
        read_pem(pem(generate_private_key("ES256")), chain=stranger.encode())


def test_a_missing_password_is_distinguished_from_a_superfluous_one() -> None:
    key = generate_private_key("ES256")
    with pytest.raises(ValidationError, match="is encrypted: give its password"):
        read_pem(pem(key, "changeit"))
    with pytest.raises(ValidationError, match="is not encrypted: leave the password out"):
        read_pem(pem(key), password="changeit")


def test_an_expired_certificate_is_warned_of() -> None:
    key = generate_private_key("ES256")
    chain = self_signed_certificate(key, common_name="old", now=NOW - timedelta(days=8000))
    (warning,) = read_pem(pem(key), chain=chain.encode()).warnings(NOW)
    assert "CN=old expired on" in warning


def test_the_first_key_of_an_algorithm_keeps_its_kid_and_signs_at_once(cast: Cast) -> None:
    now = timezone.now()
    foreign = read_pem(pem(generate_private_key("ES384")))
    key = adopt(foreign, issuer=cast.oidc_m2m, alg="ES384", kid="as-published", now=now)
    assert (key.kid, key.state(now)) == ("as-published", KeyState.ACTIVE)


def test_a_further_key_is_announced(cast: Cast, pkcs12: bytes) -> None:
    now = timezone.now()
    foreign = read_pkcs12(pkcs12, store_password="changeit")
    key = adopt(foreign, issuer=cast.oidc_m2m, alg="RS256", now=now)
    assert key.state(now) == KeyState.ANNOUNCED
    assert SigningKey.objects.get(pk=cast.key.pk).retires_at == key.activates_at
    with pytest.raises(ValidationError, match="is here already"):
        adopt(foreign, issuer=cast.oidc_m2m, alg="PS256", now=now)


@pytest.mark.parametrize("kid", ["a\nb", "a\x1b[31mb", "a\u202eb"])
def test_a_kid_that_cannot_be_printed_is_refused(cast: Cast, kid: str) -> None:
    foreign = read_pem(pem(generate_private_key("ES384")))
    with pytest.raises(ValidationError, match="not printable"):
        adopt(foreign, issuer=cast.oidc_m2m, alg="ES384", kid=kid, now=timezone.now())


def test_a_key_signs_only_with_an_algorithm_of_its_kind(cast: Cast) -> None:
    foreign = read_pem(pem(generate_private_key("ES256")))
    with pytest.raises(ValidationError, match="signs with ES256, not with RS256"):
        adopt(foreign, issuer=cast.oidc_m2m, alg="RS256", now=NOW)


def test_the_command_takes_a_file(
    cast: Cast,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    pkcs12: bytes,
) -> None:
    store = tmp_path / "store.p12"
    store.write_bytes(pkcs12)
    monkeypatch.setenv("KEY_PASSWORD", "changeit")
    call_command("import_key", "oidc_m2m", "PS256", str(store), "--kid", "old")
    assert capsys.readouterr().out == "old\n"
    with pytest.raises(CommandError, match="is here already"):
        call_command("import_key", "oidc_m2m", "PS256", str(store))


def test_an_alias_beside_pem_is_refused(cast: Cast, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(CommandError, match="This is PEM with a private key, in which a key has no alias"):
        call_command("import_key", "oidc_m2m", "ES256", str(file), "--no-password", "--alias", "signing")


def test_the_command_reads_no_file_without_end(cast: Cast) -> None:
    with pytest.raises(CommandError, match=r"^/dev/zero is longer than 65536 bytes: it is not a key file.$"):
        call_command("import_key", "oidc_m2m", "ES256", "/dev/zero", "--no-password")


def test_keys_move_to_the_current_key_encryption_key(cast: Cast, settings: Settings) -> None:
    settings.KEY_ENCRYPTION_KEYS = {"new": bytes(32), **settings.KEY_ENCRYPTION_KEYS}
    of_record = SigningKey.objects.get(purpose="record")
    assert set(rewrap_keys().moved) == {cast.key.kid, cast.other_key.kid, of_record.kid}
    settings.KEY_ENCRYPTION_KEYS = {"new": bytes(32)}
    moved = KeySnapshot.of(SigningKey.objects.get(pk=cast.key.pk))
    assert private_key_of(moved)
    assert rewrap_keys().moved == ()


def test_a_key_that_does_not_open_is_named_and_left(cast: Cast, settings: Settings) -> None:
    settings.KEY_ENCRYPTION_KEYS = {"new": bytes(32)}
    done = rewrap_keys()
    assert done.moved == ()
    assert len(done.problems) == SigningKey.objects.count()
    with pytest.raises(CommandError, match="KEY_ENCRYPTION_KEYS does not hold"):
        call_command("rewrap_keys")
