"""Each authentication method is known wherever methods differ."""

import re
import shlex
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from django.utils import timezone

from console.clients.curl_command import curl_command
from issuance.client_auth.authenticate import present
from issuance.client_auth.proof import Presented
from issuance.outlook.credential_status import credential_problem
from issuance.wire.certificate_headers import PeerCertificate
from issuance.wire.token_request import FORM, parse
from issuers.auth_methods import for_each_method
from issuers.directory import IssuerSnapshot
from issuers.models import ASSERTION_METHODS, SECRET_METHODS, TokenEndpointAuthMethod
from relying_parties.models import ClientSecret, RelyingParty
from relying_parties.snapshots import snapshot_of
from relying_parties.validation.registration import registration_problems
from tests.support.assertions import own
from tests.support.cast import Cast
from tests.support.forging import signer
from tests.support.wire import basic

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


def test_the_status_says_that_nothing_is_registered(bare: RelyingParty) -> None:
    client, issuer = snapshot_of(bare), IssuerSnapshot.of(bare.issuer)
    assert credential_problem(client, issuer=issuer, now=timezone.now())


def test_what_it_needs_is_asked_for(bare: RelyingParty, method: TokenEndpointAuthMethod) -> None:
    assert bool(registration_problems(bare)) == (method not in REGISTERED_APART)


def test_its_command_sends_no_proof_of_another(bare: RelyingParty, method: TokenEndpointAuthMethod) -> None:
    command = curl_command(bare)
    assert ("client_assertion" in command) == (method in ASSERTION_METHODS)
    assert ("$CLIENT_SECRET" in command) == (method in SECRET_METHODS)


def test_the_token_endpoint_recognises_its_command(
    cast: Cast, bare: RelyingParty, method: TokenEndpointAuthMethod
) -> None:
    assertion = own(cast, signer("ES256"), client_id=bare.client_id).made()
    command = curl_command(bare).replace("$CLIENT_SECRET", "secret").replace("$CLIENT_ASSERTION", assertion)
    presented = _sent_by(shlex.split(command))
    assert presented.client_id == bare.client_id
    assert method in presented.methods


def _sent_by(curl: list[str]) -> Presented:
    """What the token endpoint makes of it."""
    options = list(pairwise(curl))
    fields = [value.partition("=") for option, value in options if option in {"-d", "--data-urlencode"}]
    users = [value.split(":") for option, value in options if option == "-u"]
    certificate = PeerCertificate(der=b"") if "--cert" in curl else None
    request = parse(
        body="&".join(f"{name}={quote_plus(value)}" for name, _, value in fields).encode(),
        content_type=FORM,
        query="",
        authorization=basic(*users[0]) if users else "",
        peer_certificate=lambda: certificate,
    )
    return present(request)


def test_a_table_that_forgets_it_is_refused(method: TokenEndpointAuthMethod) -> None:
    others = {other: "" for other in TokenEndpointAuthMethod if other != method}
    with pytest.raises(ValueError, match=rf"lacks {method}\.$"):
        for_each_method(others)


def test_the_documentation_describes_it(method: TokenEndpointAuthMethod) -> None:
    assert re.search(rf"\b{method}\b", "".join((DOCS / page).read_text() for page in PAGES))
