"""Each authentication method is known wherever methods are told apart."""

import re
from pathlib import Path

import pytest
from django.utils import timezone

from console.clients.auth_methods import ABOUT
from console.clients.curl_command import curl_command
from console.requests.event_story import PROOF
from issuance.outlook.credential_status import credential_problem
from issuers.directory import IssuerSnapshot
from issuers.models import ASSERTION_METHODS, SECRET_METHODS, TokenEndpointAuthMethod
from relying_parties.models import ClientSecret, RelyingParty
from relying_parties.snapshots import snapshot_of
from relying_parties.validation.registration import registration_problems
from tests.support.cast import Cast

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("configuration.md", "protocol.md")
REGISTERED_APART = (*SECRET_METHODS, TokenEndpointAuthMethod.FEDERATED_JWT)
"""What proves their clients stands in rows of its own, which are added later."""

pytestmark = pytest.mark.parametrize("method", TokenEndpointAuthMethod)


@pytest.fixture
def bare(cast: Cast, method: TokenEndpointAuthMethod) -> RelyingParty:
    """A relying party of this method, with nothing that could prove it."""
    ClientSecret.objects.filter(relying_party=cast.billing).delete()
    cast.billing.token_endpoint_auth_method = method
    return cast.billing


def test_its_words_are_there(method: TokenEndpointAuthMethod) -> None:
    assert ABOUT[method]
    assert PROOF[method]


def test_nothing_registered_is_told_before_a_request_fails(bare: RelyingParty) -> None:
    client, issuer = snapshot_of(bare), IssuerSnapshot.of(bare.issuer)
    assert credential_problem(client, issuer=issuer, now=timezone.now())


def test_what_it_needs_is_asked_for(bare: RelyingParty, method: TokenEndpointAuthMethod) -> None:
    assert bool(registration_problems(bare)) == (method not in REGISTERED_APART)


def test_its_command_sends_no_proof_of_another(bare: RelyingParty, method: TokenEndpointAuthMethod) -> None:
    command = curl_command(bare)
    assert ("client_assertion" in command) == (method in ASSERTION_METHODS)
    assert ("$CLIENT_SECRET" in command) == (method in SECRET_METHODS)


def test_the_documentation_tells_of_it(method: TokenEndpointAuthMethod) -> None:
    assert re.search(rf"\b{method}\b", "".join((DOCS / page).read_text() for page in PAGES))
