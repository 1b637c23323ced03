"""Signing keys that a file cannot import: each is refused where it stands, with what to do, and no secret is shown."""

import base64
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from configuration.reading.shape import PEM_KEY, PKCS12_KEY
from keys.generation import PrivateKey
from tests.configuration.files import applied, problems_of
from tests.configuration.key_files import (
    FROM_PEM,
    FROM_STORE,
    PASSWORDS,
    certificate,
    certificate_pem,
    imported,
    p256,
    pem,
    store,
)

JAVA = "This is a Java key store. Convert it first: "
KEYTOOL = "keytool -importkeystore -srckeystore {} -destkeystore {} -deststoretype PKCS12 -srcalias {}"
OPENSSH = (
    "This is a private key of OpenSSH, which is not taken. Convert a copy of an RSA or ECDSA key: "
    "ssh-keygen -p -m PKCS8 -f COPY"
)
P256, PRIME239V1 = (b"\x2a\x86\x48\xce\x3d\x03\x01" + last for last in (b"\x07", b"\x04"))
"""Object identifiers in DER."""
TWO_PASSWORDS = (
    "In PKCS#12 the key's password is the store's: give the store's alone. Where they differ indeed, take PEM: "
    "openssl pkcs12 -in STORE.p12 -nocerts -nomacver -out KEY.pem (with the key's password), "
    "openssl pkcs12 -in STORE.p12 -nokeys -out CHAIN.pem (with the store's)"
)


def problem_of(rest: str, folder: Path, *, at: str, environment: Mapping[str, str] = PASSWORDS) -> str:
    """The one problem of the entry, which is reported where `at` stands."""
    text = imported(rest)
    (line,) = problems_of(text, environment=environment, folder=folder)
    location = f"f:1:{text.index(at) + 1}: "
    assert line.startswith(location)
    return line.removeprefix(location)


def weak_rsa() -> PrivateKey:
    return rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose


def of_an_unknown_curve() -> bytes:
    """A key that says of itself that it is of prime239v1."""
    der = p256().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()).replace(P256, PRIME239V1)
    return b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(der) + b"-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lambda: pem(weak_rsa()), "The RSA key has 1024 bits; at least 2048 are needed (RFC 7518 3.3)."),
        (lambda: pem(ec.generate_private_key(ec.SECP521R1())), "Only RSA, P-256, P-384 and Ed25519 keys are taken."),
        (of_an_unknown_curve, "Only RSA, P-256, P-384 and Ed25519 keys are taken."),
        (lambda: pem(p256(), "key-password"), "The private key is encrypted: give its password."),
        (lambda: pem(p256()) * 2, "The PEM file holds 2 private keys: it must hold one."),
        (lambda: certificate_pem(p256()),
         "The file is a certificate in PEM, without the private key: choose the file that holds the private key."),
        (lambda: pem(p256()) + certificate_pem(p256()),
         "The first certificate, CN=old idp, is of another key: put the key's own first."),
        (lambda: b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
         "The private key cannot be read: it is damaged."),
        (lambda: p256().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
         OPENSSH),
        (lambda: b"\xfe\xed\xfe\xed", JAVA + KEYTOOL.format("STORE.jks", "STORE.p12", "ALIAS")),
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_a_pem_file_that_cannot_be_taken_is_refused(
    tmp_path: Path, content: Callable[[], bytes], told: str
) -> None:
    (tmp_path / "key.pem").write_bytes(content())

    assert problem_of(FROM_PEM, tmp_path, at="{file") == f"pem: {told}"


@pytest.mark.parametrize(
    ("content", "rest", "told"),
    [
        (lambda: store(p256(), "another"), "",
         "The PKCS#12 file cannot be opened: its password is wrong, or it is damaged."),
        (lambda: store(p256()), ", alias: other",
         "The PKCS#12 file has no key of the alias other; its key's alias is signing."),
        (lambda: store(p256()), ", key_password_from: {env: K}",
         TWO_PASSWORDS),
        (lambda: store(p256(), others=(("second", certificate(p256())),)), "",
         "The PKCS#12 file has several entries (signing, second): name the alias of the key."),
        (lambda: store(p256(), others=(("second", certificate(p256())),)), ", alias: Second",
         "The key Second is not the first of the PKCS#12 file. Take it into a file of its own: "
         + KEYTOOL.format("STORE.p12", "ONE.p12", "Second")),
        (lambda: b"\xfe\xed\xfe\xed", ", alias: it's",
         JAVA + KEYTOOL.format("STORE.jks", "STORE.p12", "'it'\"'\"'s'")),
        (lambda: b"\xce\xce\xce\xce", ", alias: signing",
         JAVA + KEYTOOL.format("STORE.jks", "STORE.p12", "signing")),
        (lambda: pem(p256()), "", "The file is PEM with a private key, not PKCS#12."),
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_a_store_that_cannot_be_taken_is_refused(
    tmp_path: Path, content: Callable[[], bytes], rest: str, told: str
) -> None:
    (tmp_path / "ks.p12").write_bytes(content())

    assert problem_of(FROM_STORE + rest, tmp_path, at="{file") == f"pkcs12: {told}"


@pytest.mark.parametrize(
    ("rest", "at", "told"),
    [
        ("pem: {file: x}", "{file", "pem: {folder}/x cannot be read: No such file or directory."),
        ("pem: {env: NONE}", "{env", "pem: the environment variable NONE must hold PEM, or another file in base64."),
        ("pem: {env: S}", "{env", "pem: the environment variable S must hold PEM, or another file in base64."),
        (f"{FROM_PEM}, key_password_from: {{env: NONE}}", "{env",
         "key_password_from: the environment variable NONE is not set, or empty."),
        (f"{FROM_PEM}, key_password_from: {{env: K}}", "{file",
         "pem: The private key is not encrypted: leave the password out."),
        (f"{FROM_PEM}, certificates: {{file: c.yaml}}", "{file",
         "pem: The file of the certificates holds none in PEM."),
        (f"alg: RS256, {FROM_PEM}", "{issuer", "A key of this kind signs with ES256, not with RS256."),
        (f"{FROM_PEM}, kid: '{'x' * 129}'", "'xxx", "kid: Ensure this value has at most 128 characters (it has 129)."),
        (f"{FROM_PEM}, pkcs12: {{file: key.pem}}", "pem", 'Unknown key "pem". Known here: {known}.'),
        (f"{FROM_PEM}, alias: x", "alias", 'Unknown key "alias". Known here: {known}.'),
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_an_entry_is_refused_where_it_is_wrong(tmp_path: Path, rest: str, at: str, told: str) -> None:
    (tmp_path / "key.pem").write_bytes(pem(p256()))
    (tmp_path / "c.yaml").write_text("name: x")
    kind = PKCS12_KEY if "pkcs12" in rest else PEM_KEY

    known = ", ".join([*kind.fields(), *kind.further])
    environment = PASSWORDS | {"S": "no base64!"}

    assert problem_of(rest, tmp_path, at=at, environment=environment) == told.format(
        folder=tmp_path, known=known
    )


@pytest.mark.parametrize("second", ["{issuer: oidc_m2m, alg: ES256}", "{issuer: oidc_m2m, pem: {env: K2}}"])
@pytest.mark.django_db
def test_two_keys_of_one_algorithm_are_refused(second: str) -> None:
    keys = {"K1": pem(p256()).decode(), "K2": pem(p256()).decode()}

    lines = problems_of(
        f"""
        signing_keys:
          - {{issuer: oidc_m2m, pem: {{env: K1}}}}
          - {second}
        """,
        environment=keys,
    )

    assert lines == ["f:4:5: The file has another ES256 key of this issuer: give one at a time."]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{alg: RS256}", "f:1:16: issuer is missing."),
        ("{issuer: null, alg: EdDSA}", "f:1:25: issuer must be a text, is empty."),
        ("{issuer: null, pem: {file: x}}", "f:1:25: issuer must be a text, is empty."),
    ],
)
@pytest.mark.django_db
def test_a_key_needs_an_issuer(entry: str, told: str) -> None:
    assert problems_of(f"signing_keys: [{entry}]") == [told]


@pytest.mark.django_db
def test_no_secret_is_shown() -> None:
    key = p256()
    secret = pem(key, "hunter2-hunter2").decode()
    environment = {"PEM": secret, "RIGHT": "hunter2-hunter2", "WRONG": "another-hunter2"}

    def text(name: str) -> str:
        return imported(f"pem: {{env: PEM}}, key_password_from: {{env: {name}}}")

    lines = problems_of(text("WRONG"), environment=environment)
    plan = applied(text("RIGHT"), environment=environment)

    told = repr(plan) + "".join(lines) + "".join(plan.lines())
    assert "hunter2" not in told
    assert secret.splitlines()[1] not in told
