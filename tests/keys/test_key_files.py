"""Key files in every form that people have them in, and what is said of those that hold no private key."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.utils import timezone
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from issuers.models import Issuer
from keys.generation import PrivateKey, generate_private_key, self_signed_certificate
from keys.importing.adoption import adopt
from keys.importing.key_files import ForeignKey, read_jwk_file, read_key_file, read_pem
from keys.models import SigningKey
from tests.support.cast import Cast
from tests.support.wire import get

PKCS8, PKCS1 = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL
JWKS: dict[str, Any] = {
    "RS256": RSAKey.generate_key(2048, {"kid": "as-published"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "as-published"}),
    "ES384": ECKey.generate_key("P-384", {"kid": "as-published"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "as-published"}),
}


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return generate_private_key("ES256")


def written(key: PrivateKey, encoding: Encoding, form: PrivateFormat = PKCS8, password: str = "") -> bytes:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key.private_bytes(encoding, form, encryption)


def read(data: bytes, *, password: str = "", alias: str = "") -> ForeignKey:
    return read_key_file(data, store_password=password, key_password=password, alias=alias)


def private(jwk: Any) -> dict[str, Any]:
    members: dict[str, Any] = jwk.as_dict(private=True)
    return members


def test_the_same_key_is_read_from_every_form_that_it_is_written_in(key: PrivateKey) -> None:
    pem, der = written(key, Encoding.PEM), written(key, Encoding.DER)
    one_line = pem.replace(b"\n", b"\\n")
    forms = {
        "PEM": pem,
        "SEC 1": written(key, Encoding.PEM, PKCS1),
        "PEM behind a byte order mark": b"\xef\xbb\xbf" + pem,
        "PEM with CR LF": pem.replace(b"\n", b"\r\n"),
        "PEM with written line ends": one_line,
        "PEM with written line ends in quotes": b'"' + one_line + b'"\n',
        "PEM with written CR LF": pem.replace(b"\n", b"\\r\\n"),
        "base64 of PEM": base64.b64encode(pem),
        "base64 of PEM in lines": base64.encodebytes(pem),
        "DER": der,
        "DER of SEC 1": written(key, Encoding.DER, PKCS1),
        "base64 of DER": base64.b64encode(der),
        "base64url of DER": base64.urlsafe_b64encode(der).rstrip(b"="),
    }
    public = key.public_key()
    assert {
        name: read(data).private_key.public_key() == public for name, data in forms.items()
    } == dict.fromkeys(forms, True)


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_an_encrypted_key_is_read_from_der_as_from_pem(key: PrivateKey, encoding: Encoding) -> None:
    data = written(key, encoding, password="changeit")
    assert read(data, password="changeit").private_key.public_key() == key.public_key()
    with pytest.raises(ValidationError, match="is encrypted: give its password"):
        read(data)
    with pytest.raises(ValidationError, match="its password is wrong, or it is damaged"):
        read(data, password="wrong")


@pytest.mark.parametrize("alg", JWKS)
def test_a_private_jwk_keeps_its_kid(cast: Cast, alg: str) -> None:
    issuer = Issuer(path="shop", name="Shop")
    issuer.checked().save()
    foreign = read(json.dumps(private(JWKS[alg])).encode())
    imported = adopt(foreign, issuer=issuer, alg=alg, now=timezone.now())
    assert imported.kid == "as-published"
    (shown,) = get("/shop/jwks").json["keys"]
    public = JWKS[alg].as_dict(private=False)
    assert {name: shown[name] for name in public if name != "use"} == public


def test_the_kid_that_an_operator_gives_comes_before_that_of_the_jwk(cast: Cast) -> None:
    foreign = read_jwk_file(json.dumps(private(JWKS["ES384"])).encode())
    assert adopt(foreign, issuer=cast.oidc_m2m, alg="ES384", kid="mine", now=timezone.now()).kid == "mine"


def test_of_a_jwk_set_the_kid_tells_which_key(cast: Cast) -> None:
    first, second = (private(ECKey.generate_key("P-384", {"kid": kid})) for kid in ("first", "second"))
    public = {name: value for name, value in first.items() if name != "d"} | {"kid": "third"}
    jwks = json.dumps({"keys": [first, second, public]}).encode()
    assert read(jwks, alias="second").kid == "second"
    assert read(json.dumps({"keys": [public, first]}).encode()).kid == "first"
    with pytest.raises(ValidationError, match=r"several private keys \(first, second\): name the kid"):
        read(jwks)
    with pytest.raises(ValidationError, match=r"no private key with the kid third. It has: first, second"):
        read(jwks, alias="third")


def test_the_certificates_of_a_jwk_come_with_it(key: PrivateKey) -> None:
    jwk = ECKey.import_key(written(key, Encoding.PEM))
    pem = self_signed_certificate(key, common_name="old", now=timezone.now())
    body = "".join(pem.splitlines()[1:-1])
    foreign = read(json.dumps({**private(jwk), "x5c": [body]}).encode())
    assert foreign.chain_pem == pem


def damaged(jwk: dict[str, Any], **members: Any) -> bytes:
    return json.dumps(jwk | members).encode()


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"n": "AQAB"}, "its numbers do not fit"),
        ({"d": "!"}, "its numbers do not fit"),
        ({"n": "A" * 2000}, "The member n of the JWK is not a number of at most 8192 bits"),
        ({"d": 5}, "The member d of the JWK is not a number"),
        ({"kty": "XYZ"}, "holds no key that can be used"),
        ({"kid": 5}, "The kid of the JWK is not a text"),
        ({"x5c": "x"}, "x5c of the JWK is not a list"),
        ({"x5c": ["AAAA"]}, "holds something that is not a certificate"),
    ],
)
def test_a_damaged_jwk_is_refused_with_what_is_damaged(members: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        read(damaged(private(JWKS["RS256"]), **members))


@pytest.fixture(scope="module")
def certificate(key: PrivateKey) -> str:
    return self_signed_certificate(key, common_name="old", now=timezone.now())


def public(key: PrivateKey, encoding: Encoding, form: PublicFormat) -> bytes:
    return key.public_key().public_bytes(encoding, form)


def test_a_file_without_a_private_key_is_called_what_it_is(key: PrivateKey, certificate: str) -> None:
    spki, ssh = PublicFormat.SubjectPublicKeyInfo, PublicFormat.OpenSSH
    der = base64.b64decode("".join(certificate.splitlines()[1:-1]))
    files = {
        "a public key in PEM, without the private one": public(key, Encoding.PEM, spki),
        "a public key in DER, without the private one": public(key, Encoding.DER, spki),
        "a certificate in PEM, without the private key": certificate.encode(),
        "a certificate in DER, without the private key": der,
        "a public key of OpenSSH, without the private one": public(key, Encoding.OpenSSH, ssh),
        "a private key of PuTTY": b"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\n",
        "neither PKCS#12, PEM, DER nor a JWK": b"<html>404</html>",
        "PEM without a private key": b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
        "empty": b"",
    }
    for what, data in files.items():
        with pytest.raises(ValidationError) as refused:
            read(data, password="changeit")
        (message,) = refused.value.messages
        assert message.startswith(f"The file is {what}: ")
        assert "password" not in message


def test_json_without_a_private_key_is_called_what_it_is() -> None:
    files = {
        "JSON, but neither a JWK nor a JWK Set": {"a": 1},
        "with public keys alone: give the private JWK": JWKS["RS256"].as_dict(private=False),
        "with a symmetric key: give the private JWK": private(OctKey.generate_key(256)),
    }
    for why, content in files.items():
        assert_refused(json.dumps(content).encode(), why)
    assert_refused(b"{", "cannot be read as JSON")


def assert_refused(data: bytes, why: str) -> None:
    with pytest.raises(ValidationError, match=why) as refused:
        read(data, password="changeit")
    assert "password" not in str(refused.value)


def test_a_damaged_key_without_a_password_is_not_blamed_on_a_password(key: PrivateKey) -> None:
    lines = written(key, Encoding.PEM).splitlines()
    with pytest.raises(ValidationError) as refused:
        read(b"\n".join([lines[0], lines[1][:-8], lines[-1]]))
    assert refused.value.messages == ["The private key cannot be read: it is damaged."]


@pytest.fixture(scope="module")
def pss(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Made by openssl: a key that may sign by PSS alone."""
    file = tmp_path_factory.mktemp("pss") / "key.pem"
    make = [
        "openssl",
        "genpkey",
        "-algorithm",
        "RSA-PSS",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
        "-out",
        str(file),
    ]
    subprocess.run(make, check=True, capture_output=True)
    return file.read_bytes()


def test_an_rsa_pss_key_signs_ps256_and_not_rs256(cast: Cast, pss: bytes) -> None:
    foreign = read_pem(pss)
    with pytest.raises(ValidationError, match="An RSA-PSS key signs with PS256, not with RS256"):
        adopt(foreign, issuer=cast.oidc_m2m, alg="RS256", now=timezone.now())
    assert adopt(foreign, issuer=cast.oidc_m2m, alg="PS256", now=timezone.now()).alg == "PS256"


@pytest.mark.parametrize(
    "scheme",
    [
        ["-v2", "aes-256-cbc"],
        ["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"],
        ["-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA512"],
        ["-scrypt"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_an_encrypted_rsa_pss_key_is_named_as_one(
    cast: Cast, pss: bytes, scheme: list[str], form: str
) -> None:
    encrypt = ["openssl", "pkcs8", "-topk8", "-passout", "pass:secret", "-outform", form, *scheme]
    data = subprocess.run(encrypt, input=pss, check=True, capture_output=True).stdout
    foreign = read_pem(data, password="secret")
    with pytest.raises(ValidationError, match="An RSA-PSS key signs with PS256, not with RS256"):
        adopt(foreign, issuer=cast.oidc_m2m, alg="RS256", now=timezone.now())


def test_an_encrypted_rsa_key_may_sign_by_both() -> None:
    data = written(generate_private_key("RS256"), Encoding.PEM, password="secret")
    foreign = read_pem(data, password="secret")
    assert (foreign.is_pss, foreign.algs) == (False, ("RS256", "PS256"))


def test_the_command_asks_for_no_password_where_none_can_be_needed(cast: Cast, tmp_path: Path) -> None:
    file = tmp_path / "key.jwk"
    file.write_text(json.dumps(private(JWKS["ES384"])))
    call_command("import_key", "oidc_m2m", "ES384", str(file))
    assert SigningKey.objects.get(alg="ES384").kid == "as-published"
