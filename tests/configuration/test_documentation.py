"""docs/configuration.md says what the code takes."""

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from configuration.shape import GRANT, PEM_KEY, PKCS12_KEY, RULE, SECRET, SECTIONS, Kind
from tests.configuration.files import applied, details
from tests.configuration.key_files import certificate_pem, p256, pem, store

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
EXAMPLE, ROTATION_EXAMPLE, KEYS_EXAMPLE = re.findall(
    r"^```yaml\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL
)


def documented(row: str) -> set[str]:
    """The keys that the page's table has in this row."""
    (keys,) = re.findall(rf"^\| {row}[^|]* \| (.*) \|$", PAGE, flags=re.MULTILINE)
    return set(re.findall(r"`([a-z0-9_]+)`", keys))


@pytest.mark.parametrize(
    ("row", "kind"),
    [*((f"`{section}` ", kind) for section, kind in SECTIONS.items()),
     ("PKCS#12 in `signing_keys`", PKCS12_KEY), ("PEM in `signing_keys`", PEM_KEY),
     ("`secrets` of", SECRET), ("`grants` of", GRANT), ("`rules` of", RULE)],
)  # fmt: skip
def test_the_table_has_every_key(row: str, kind: Kind) -> None:
    assert documented(row.strip()) == {*kind.fields(), *kind.further, *kind.parts}


@pytest.mark.django_db
def test_the_page_shows_a_file_that_can_be_applied() -> None:
    assert len(applied(EXAMPLE, environment={"TILL_SECRET": "value"}).changes) == 10


@pytest.mark.django_db
def test_the_page_shows_how_a_secret_is_rotated() -> None:
    plan = applied(
        f"relying_parties:\n  - issuer: oidc_m2m\n    client_id: billing\n{ROTATION_EXAMPLE}",
    )

    assert [secret.label for secret in plan.generated] == ["2030-01", "2030-07"]


@pytest.mark.django_db
def test_the_page_shows_how_a_key_is_imported(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    (tmp_path / "shop.p12").write_bytes(store(p256(), "store"))
    (tmp_path / "shop.pem").write_bytes(pem(key, "key"))
    (tmp_path / "chain.pem").write_bytes(certificate_pem(key))
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
    ]
