"""Keys in a PKCS#11 token: what they sign verifies, and they do not leave it."""

import copy
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django.db import IntegrityError, connection
from pkcs11 import Attribute

from issuers.models import SigningAlg
from keys.importing.certificates import certificate_request
from keys.keyring import KeySnapshot
from keys.lifecycle.rewrapping import rewrap_keys
from keys.models import SigningKey
from keys.pkcs11.uri import Pkcs11Uri
from keys.signing import check, private_key_of
from tests.keys.issuer_in_token import issuer_in_token
from tests.keys.softhsm import SoftHsm, private_keys
from tests.support.server import database_url, serve
from tests.support.verifying import verified_twice

pytestmark = [
    pytest.mark.filterwarnings("ignore:EdDSA is deprecated"),
    pytest.mark.usefixtures("db", "softhsm"),
]

OPENS_THE_TOKEN_OFTEN = """
import django
django.setup()
from keys.pkcs11.token import close, in_token
from keys.pkcs11.uri import Pkcs11Uri
for _ in range(100):
    in_token(Pkcs11Uri.parse("pkcs11:token=idp"), lambda opened: opened.session)
    close()
"""

FORKS_WITH_AN_OPEN_TOKEN = """
import os, django
django.setup()
from keys.pkcs11 import token as pkcs11_token
from keys.keyring import KeySnapshot
from keys.models import SigningKey
from keys.signing import check
key = KeySnapshot.of(SigningKey.objects.exclude(pkcs11_uri="").get())
check(key)
with pkcs11_token._process.lock:  # As when another thread signs at this moment.
    child = os.fork()
    if not child:
        check(key)
        os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
check(key)
"""


@pytest.mark.parametrize("alg", SigningAlg.values)
def test_a_key_of_every_algorithm_signs_tokens_and_certificates(alg: str) -> None:
    vault = issuer_in_token(alg)
    answer = vault.ask()
    assert answer.header == {"alg": alg, "kid": vault.key.kid, "typ": "at+jwt"}
    claims = verified_twice(answer.json["access_token"], jwks=vault.jwks().body, alg=alg)
    assert claims["sub"] == "teller"
    certificate = x509.load_pem_x509_certificate(vault.key.certificate_chain.encode())
    certificate.verify_directly_issued_by(certificate)
    request = x509.load_pem_x509_csr(certificate_request(vault.key).encode())
    assert request.is_signature_valid
    assert request.public_key() == certificate.public_key()


def test_the_row_holds_no_private_half() -> None:
    key = issuer_in_token().key
    assert (key.encrypted_private_key, key.kek_id) == (None, "")
    uri = Pkcs11Uri.parse(key.pkcs11_uri)
    assert (uri.token, uri.object[:20]) == ("idp", "m2m-idp vault ES256 ")


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_neither_the_token_nor_the_process_gives_a_private_half_out(alg: str) -> None:
    row = issuer_in_token(alg).key
    uri = Pkcs11Uri.parse(row.pkcs11_uri)
    (made,) = [key for key in private_keys() if key[Attribute.ID] == uri.id]
    assert (made[Attribute.PRIVATE], made[Attribute.SENSITIVE], made[Attribute.ALWAYS_SENSITIVE]) == 3 * (
        True,
    )
    assert (made[Attribute.EXTRACTABLE], made[Attribute.NEVER_EXTRACTABLE]) == (False, True)
    key = private_key_of(KeySnapshot.of(row))
    assert copy.deepcopy(key) is copy.copy(key) is key
    with pytest.raises(UnsupportedAlgorithm, match="does not leave it"):
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def test_an_rsa_key_in_a_token_signs_with_sha_256_alone() -> None:
    key = private_key_of(KeySnapshot.of(issuer_in_token("RS256").key))
    assert isinstance(key, RSAPrivateKey)
    with pytest.raises(UnsupportedAlgorithm, match="sign with SHA-256"):
        key.sign(b"data", padding.PKCS1v15(), hashes.SHA512())


def test_a_key_is_in_one_place() -> None:
    key = issuer_in_token().key
    key.encrypted_private_key = b"ciphertext"
    with pytest.raises(IntegrityError, match="key_in_one_place"):
        key.save()


def test_rewrapping_leaves_a_key_in_a_token_alone() -> None:
    before = issuer_in_token().key
    moved = rewrap_keys()
    assert (before.kid in moved.moved, moved.problems) == (False, ())
    assert SigningKey.objects.get(pk=before.pk).pkcs11_uri == before.pkcs11_uri


def test_the_threads_of_a_process_share_one_session() -> None:
    key = KeySnapshot.of(issuer_in_token().key)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: check(key), range(200)))


@pytest.mark.slow
def test_a_child_that_was_forked_with_an_open_token_opens_its_own(softhsm: SoftHsm) -> None:
    issuer_in_token()
    environment = os.environ | softhsm.environment | {"DATABASE_URL": database_url()}
    connection.close()
    subprocess.run(
        [sys.executable, "-c", FORKS_WITH_AN_OPEN_TOKEN],
        env=environment | {"DJANGO_SETTINGS_MODULE": "m2m_idp.settings"},
        cwd=settings.BASE_DIR,
        check=True,
        timeout=60,
    )


@pytest.mark.slow
def test_processes_open_the_token_at_once(softhsm: SoftHsm) -> None:
    environment = os.environ | softhsm.environment | {"DJANGO_SETTINGS_MODULE": "m2m_idp.settings"}
    command = [sys.executable, "-c", OPENS_THE_TOKEN_OFTEN]
    processes = [subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]


@pytest.mark.slow
def test_two_workers_sign_at_once(softhsm: SoftHsm, tmp_path: Path) -> None:
    vault = issuer_in_token()
    with serve(tmp_path, 2, softhsm.environment) as server, ThreadPoolExecutor(8) as threads:

        def issued(_: int) -> int:
            auth = ("teller", vault.secret)
            answer = server.post("/vault/token", data={"grant_type": "client_credentials"}, auth=auth)
            verified_twice(answer.json()["access_token"], jwks=jwks, alg=SigningAlg.ES256)
            return answer.status_code

        jwks = server.get("/vault/jwks").content
        assert list(threads.map(issued, range(120))) == [200] * 120
        assert server.get("/readyz").json()["status"] == "ok"
