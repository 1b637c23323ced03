"""P10.3: no page returns a private key, and no filter or search reaches a secret column."""

import base64

import pytest
from django.db.models import Model
from django.test import Client

from issuers.models import Issuer
from keys.keyring import KeySnapshot
from keys.models import SigningKey
from keys.signing import private_key_of
from relying_parties.models import ClientSecret, RelyingParty
from tests.console.pages import all_urls, body_of, fill_every_table, url
from tests.support.cast import Cast

pytestmark = pytest.mark.contract("P10.3")


@pytest.mark.slow
def test_no_page_shows_a_part_of_a_private_key(cast: Cast, superuser: Client) -> None:
    fill_every_table(cast)
    numbers = private_key_of(KeySnapshot.of(cast.key)).private_numbers()  # type: ignore[union-attr]
    raw = numbers.d.to_bytes(256)  # type: ignore[union-attr]
    ciphertext = bytes(cast.key.encrypted_private_key or b"")
    parts = [
        form
        for secret in (raw, ciphertext)
        for form in (
            base64.b64encode(secret).decode(),
            base64.urlsafe_b64encode(secret).decode(),
            secret.hex(),
        )
    ]
    for page in all_urls(cast):
        body = body_of(superuser, page)
        assert not any(part[:40] in body for part in parts), page
        assert "PRIVATE KEY" not in body, page


@pytest.mark.slow
def test_no_page_shows_a_digest(cast: Cast, superuser: Client) -> None:
    fill_every_table(cast)
    digests = [secret.digest.partition(":")[2] for secret in ClientSecret.objects.all()]
    for page in all_urls(cast):
        body = body_of(superuser, page)
        assert not any(digest in body for digest in digests), page


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        (SigningKey, "encrypted_private_key__contains"),
        (SigningKey, "kek_id__startswith"),
        (SigningKey, "issuer__relying_parties__secrets__digest__startswith"),
        (RelyingParty, "secrets__digest__startswith"),
        (RelyingParty, "issuer__signing_keys__encrypted_private_key__isnull"),
        (RelyingParty, "client_jwks__contains"),
        (Issuer, "relying_parties__secrets__digest__startswith"),
        (Issuer, "signing_keys__kek_id"),
    ],
)
def test_no_filter_reaches_a_secret_column(
    cast: Cast, superuser: Client, model: type[Model], lookup: str
) -> None:
    assert superuser.get(url(model, "changelist"), {lookup: "t"}).status_code == 400


@pytest.mark.parametrize("model", [SigningKey, RelyingParty, Issuer])
def test_no_search_finds_a_digest(cast: Cast, superuser: Client, model: type[Model]) -> None:
    digest = ClientSecret.objects.get(relying_party=cast.billing).digest
    response = superuser.get(url(model, "changelist"), {"q": digest})
    assert response.context["cl"].result_count == 0
