"""docs/configuration.md says what the code takes."""

import json
import re
import ssl
import textwrap
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey

from configuration.reading.shape import (
    FEDERATED_CREDENTIAL,
    GRANT,
    PEM_KEY,
    PKCS12_KEY,
    RULE,
    SECRET,
    SECTIONS,
    Kind,
)
from relying_parties.jwks.client_keys import VerificationKey, client_keys
from relying_parties.models import RelyingParty
from tests.configuration.assertions import jwks_of
from tests.configuration.files import applied, details
from tests.configuration.key_files import certificate_pem, p256, pem, store
from tests.support.authority import Authority
from tests.support.certificates import der_certificate
from tests.support.forging import PrivateKey

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
EXAMPLE, ROTATION_EXAMPLE, CLIENTS_EXAMPLE, KEYS_EXAMPLE = re.findall(
    r"^```yaml\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL
)
(PEM_EXAMPLE,) = re.findall(r"^  ```yaml\n(.*?)^  ```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def documented(row: str) -> set[str]:
    """The keys that the page's table has in this row."""
    (keys,) = re.findall(rf"^\| {row}[^|]* \| (.*) \|$", PAGE, flags=re.MULTILINE)
    return set(re.findall(r"`([a-z0-9_]+)`", keys))


@pytest.mark.parametrize(
    ("row", "kind"),
    [*((f"`{section}` ", kind) for section, kind in SECTIONS.items()),
     ("PKCS#12 in `signing_keys`", PKCS12_KEY), ("PEM in `signing_keys`", PEM_KEY),
     ("`secrets` of", SECRET), ("`federated_credentials` of", FEDERATED_CREDENTIAL),
     ("`grants` of", GRANT), ("`rules` of", RULE)],
)  # fmt: skip
def test_the_table_has_every_key(row: str, kind: Kind) -> None:
    assert documented(row.strip()) == set(kind.keys())


@pytest.mark.django_db
def test_the_page_shows_a_file_that_can_be_applied() -> None:
    assert len(applied(EXAMPLE, environment={"TILL_SECRET": "value"}).changes) == 14


@pytest.mark.django_db
def test_the_page_shows_how_a_secret_is_rotated() -> None:
    plan = applied(
        f"relying_parties:\n  - issuer: oidc_m2m\n    client_id: billing\n{ROTATION_EXAMPLE}",
    )

    assert [secret.label for secret in plan.generated] == ["2030-01", "2030-07"]


@pytest.mark.django_db
def test_the_page_shows_clients_without_a_secret(tmp_path: Path) -> None:
    applied(EXAMPLE, environment={"TILL_SECRET": "value"})
    Authority.new(tmp_path, "ca").own.certificate.rename(tmp_path / "clients-ca.pem")
    (tmp_path / "ci.json").write_text(json.dumps(jwks_of(p256())))

    plan = applied(CLIENTS_EXAMPLE, folder=tmp_path)

    assert [line.partition(": ")[0] for line in details(plan)] == [
        "~ issuer shop",
        "+ trusted issuer ci of shop",
        "+ trusted issuer cloud of shop",
        "~ client till of shop",
        "+ client deployer of shop",
        "+ federated credential main of client deployer of shop",
        "+ client gate of shop",
    ]


@pytest.mark.django_db
def test_the_page_shows_how_a_key_is_imported(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    (tmp_path / "shop.p12").write_bytes(store(p256(), "store"))
    (tmp_path / "shop.pem").write_bytes(pem(key, "key"))
    (tmp_path / "chain.pem").write_bytes(certificate_pem(key))
    jwk = ECKey.generate_key("P-384", {"kid": "as-published"}, private=True)
    (tmp_path / "shop.jwk").write_text(json.dumps(jwk.as_dict(private=True)))
    passwords = {"STORE_PASSWORD": "store", "KEY_PASSWORD": "key"}

    plan = applied(
        f"issuers: [{{path: shop, name: Shop, signing_alg: ES256}}]\n{KEYS_EXAMPLE}",
        environment=passwords,
        folder=tmp_path,
    )

    assert [line.partition(": ")[0] for line in details(plan)] == [
        "+ issuer shop",
        "+ signing key ES256 of shop",
        "+ signing key EdDSA of shop",
        "+ signing key ES384 of shop",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("key", [p256(), Ed25519PrivateKey.generate()])
def test_the_page_shows_how_a_certificate_in_pem_is_registered(tmp_path: Path, key: PrivateKey) -> None:
    der = der_certificate(key)
    (registered,) = registered_from(tmp_path, ssl.DER_cert_to_PEM_cert(der))
    assert registered.certificates == (der,)


@pytest.mark.django_db
def test_the_page_shows_how_a_public_key_in_pem_is_registered(tmp_path: Path) -> None:
    public = p256().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (registered,) = registered_from(tmp_path, public.decode())
    assert (registered.algs, registered.certificates) == (("ES256",), ())


def registered_from(folder: Path, pem: str) -> tuple[VerificationKey, ...]:
    """The keys of the client of the page's example, whose file holds this PEM."""
    applied(EXAMPLE, environment={"TILL_SECRET": "value"})
    (folder / "client.crt").write_text(pem)
    applied(textwrap.dedent(PEM_EXAMPLE), folder=folder)
    return client_keys(RelyingParty.objects.get(client_id="till").client_jwks)
