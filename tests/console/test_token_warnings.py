"""What works and will trouble a client is said in the plan of a file, and when the console saves it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from issuance.outlook.token_warnings import HEADER_LINE, MAX_HEADER, default_token_size, token_warnings
from relying_parties.models import AccessGrant, RelyingParty, ResourceServer
from tests.configuration.files import applied
from tests.console.forms import form_of
from tests.console.pages import url
from tests.support.cast import Cast
from tests.support.wire import ask

pytestmark = pytest.mark.contract("P10.15")

SIZE = "the token of a request that names no scope has "
COLON = "its client ID has a colon, which ends the ID in Basic credentials (RFC 7617 section 2)"


def scopes(count: int) -> list[str]:
    return [f"https://invoices.example/scopes/{number:04}" for number in range(count)]


def grant_scopes(cast: Cast, count: int) -> None:
    known = [*cast.invoices.scopes, *scopes(count)]
    ResourceServer.objects.filter(pk=cast.invoices.pk).update(scopes=known)
    AccessGrant.objects.filter(relying_party=cast.billing, is_default=True).update(scopes=scopes(count))


def file_of(cast: Cast, count: int) -> str:
    return f"""
resource_servers:
  - {{issuer: oidc_m2m, identifier: "{cast.invoices.identifier}", scopes: {[*cast.invoices.scopes, *scopes(count)]}}}
relying_parties:
  - issuer: oidc_m2m
    client_id: billing
    client_name: Billing
    grants:
      - {{resource_server: "{cast.invoices.identifier}", scopes: {scopes(count)}, default: true}}
"""


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
@pytest.mark.parametrize("scope", ["a", "ab", "abc"])
def test_the_size_is_that_of_the_token_that_is_issued(cast: Cast, alg: str, scope: str) -> None:
    client, issuer = (cast.billing, "oidc_m2m") if alg == "RS256" else (cast.stranger, "other")
    ResourceServer.objects.filter(identifier=cast.invoices.identifier).update(scopes=[scope])
    AccessGrant.objects.filter(relying_party=client, is_default=True).update(scopes=[scope])
    token = ask(auth=cast.basic(client.client_id), target=f"/{issuer}/token").json["access_token"]
    header, claims, signature = token.split(".")
    # The jti of a preview has 16 characters, a token's 32.
    shorter = urlsafe_b64encode(urlsafe_b64decode(claims + "==")[:-16]).rstrip(b"=")
    assert default_token_size(client, now=timezone.now()) == len(header) + len(shorter) + len(signature) + 2


def test_a_file_whose_default_grant_makes_a_token_too_large_is_warned_of(cast: Cast) -> None:
    plan = applied(file_of(cast, 300))
    (warning,) = plan.warnings
    assert warning.startswith(f"client billing of oidc_m2m: {SIZE}")
    token = ask(auth=cast.basic("billing")).json["access_token"]
    assert len(token) + HEADER_LINE > MAX_HEADER
    assert applied(file_of(cast, 100)).warnings == ()
    token = ask(auth=cast.basic("billing")).json["access_token"]
    assert len(token) + HEADER_LINE < MAX_HEADER


def test_a_token_that_just_fits_is_not_warned_of(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    size = default_token_size(cast.billing, now=timezone.now())
    assert size is not None
    monkeypatch.setattr("issuance.outlook.token_warnings.MAX_HEADER", size + HEADER_LINE)
    assert list(token_warnings([cast.billing], now=timezone.now())) == []
    monkeypatch.setattr("issuance.outlook.token_warnings.MAX_HEADER", size + HEADER_LINE - 1)
    ((warned, warning),) = token_warnings([cast.billing], now=timezone.now())
    assert warned == cast.billing
    assert f"has {size:,} bytes" in warning


def test_a_client_whose_requests_must_obey_a_rule_has_a_size_too(cast: Cast) -> None:
    size = default_token_size(cast.billing, now=timezone.now())
    cast.billing.rules.create(parameter="env", regex="prod|test", message="Which?")
    assert default_token_size(cast.billing, now=timezone.now()) == size


def warnings_of(operator: Client, page: str, **fields: object) -> list[str]:
    answer = operator.post(page, form_of(operator, page) | fields)
    assert answer.status_code == 302
    return [str(message) for message in get_messages(answer.wsgi_request) if message.level_tag == "warning"]


def test_the_console_warns_when_it_saves_the_client_and_its_api(cast: Cast, operator: Client) -> None:
    page = url(RelyingParty, "change", cast.billing.pk)
    assert warnings_of(operator, page) == []
    grant_scopes(cast, 300)
    for saved in (page, url(ResourceServer, "change", cast.invoices.pk)):
        (warning,) = warnings_of(operator, saved)
        assert warning.startswith(f"billing: {SIZE}")
        assert "many servers take a header of at most 8,192" in warning


def new_file(client_id: str, method: str) -> str:
    return f"""
relying_parties:
  - {{issuer: oidc_m2m, client_id: "{client_id}", client_name: New, token_endpoint_auth_method: {method}}}
"""


def test_a_client_id_with_a_colon_is_warned_of_where_it_goes_into_basic_credentials(cast: Cast) -> None:
    (warning,) = applied(new_file("urn:billing", "client_secret_basic")).warnings
    assert warning.startswith(f"client urn:billing of oidc_m2m: {COLON}")
    assert applied(new_file("urn:reports", "client_secret_post")).warnings == ()
    assert applied(new_file("plain", "client_secret_basic")).warnings == ()


def test_the_console_warns_of_a_colon_too(cast: Cast, operator: Client) -> None:
    applied(new_file("urn:billing", "client_secret_basic"))
    row = RelyingParty.objects.get(client_id="urn:billing")
    (warning,) = warnings_of(operator, url(RelyingParty, "change", row.pk))
    assert warning.startswith(f"urn:billing: {COLON}")
