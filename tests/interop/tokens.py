"""What verifiers are shown: a real token, and what they have to refuse."""

import base64
import json
import time
from dataclasses import asdict, dataclass
from typing import Any

from django.utils import timezone

from issuers.models import SigningAlg
from keys.lifecycle.creation import create_first_key
from relying_parties.claims.token_types import TokenType
from relying_parties.models import ResourceServer
from relying_parties.secrets.credentials import add_generated_secret
from tests.interop.conftest import Provider
from tests.support.cast import (
    INVOICES,
    YOUR_APPLICATION,
    Cast,
    new_grant,
    new_issuer,
    new_relying_party,
    new_resource_server,
)
from tests.support.wire import basic

AUDIENCE = INVOICES
SECONDS_TO_SEE_A_CHANGE = 10


@dataclass(frozen=True, slots=True)
class Tokens:
    good: str
    """For AUDIENCE, with the header `typ` at+jwt."""
    elsewhere: str
    """For another audience; all else is as in the good one."""
    changed: str
    """The good one with one more scope, under the signature of the good one."""
    plain: str
    """For AUDIENCE, from an API with `token_typ` JWT."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A token for AUDIENCE of an issuer that signs with this algorithm."""

    alg: str
    issuer: str
    jwks: str
    token: str


def tokens_from(provider: Provider, cast: Cast) -> Tokens:
    good = token_for(provider, cast, INVOICES)
    assert part_of(good, 0)["typ"] == "at+jwt"
    return Tokens(
        good=good,
        elsewhere=token_for(provider, cast, YOUR_APPLICATION),
        changed=with_another_scope(good, "invoices.write"),
        plain=_plain(provider, cast, cast.invoices),
    )


def verifying(provider: Provider, cast: Cast) -> dict[str, Any]:
    """What a program that verifies is asked, beside the issuer."""
    signed = [asdict(each) for each in tokens_of_every_algorithm(provider)]
    return {"tokens": asdict(tokens_from(provider, cast)), "signed": signed}


def tokens_of_every_algorithm(provider: Provider) -> list[Signed]:
    """Each from an issuer of its own."""
    secrets = {alg: _issuer_signing_with(alg) for alg in SigningAlg}
    return [_signed(provider, alg, secret) for alg, secret in secrets.items()]


def _issuer_signing_with(alg: SigningAlg) -> str:
    """The secret of its client `billing`."""
    issuer = new_issuer(_path(alg), alg, alg)
    create_first_key(issuer=issuer, alg=alg, now=timezone.now())
    billing = new_relying_party(issuer, "billing")
    server = new_resource_server(issuer, INVOICES, ["invoices.read"])
    new_grant(billing, server, ["invoices.read"], is_default=True)
    return add_generated_secret(relying_party=billing)[1]


def _signed(provider: Provider, alg: SigningAlg, secret: str) -> Signed:
    url = f"{provider.server.url}/{_path(alg)}"
    headers = {"Authorization": basic("billing", secret)}
    deadline = time.monotonic() + SECONDS_TO_SEE_A_CHANGE
    while time.monotonic() < deadline:
        answer = provider.server.post(
            f"/{_path(alg)}/token", data={"grant_type": "client_credentials"}, headers=headers
        )
        if answer.status_code == 200:
            token: str = answer.json()["access_token"]
            assert part_of(token, 0)["alg"] == alg
            return Signed(alg=alg, issuer=url, jwks=f"{url}/jwks", token=token)
    raise AssertionError(f"The issuer signing with {alg} issues nothing after {SECONDS_TO_SEE_A_CHANGE} s.")


def _path(alg: SigningAlg) -> str:
    return f"signs-{alg.lower()}"


def plain_tokens_from(provider: Provider, cast: Cast) -> dict[str, str]:
    """By their names in Tokens, all with the header `typ` JWT: an API has one typ at a time."""
    good, elsewhere = _plain(provider, cast, cast.invoices), _plain(provider, cast, cast.your_application)
    return {"good": good, "elsewhere": elsewhere, "changed": with_another_scope(good, "invoices.write")}


def _plain(provider: Provider, cast: Cast, resource_server: ResourceServer) -> str:
    resource_server.token_typ = TokenType.JWT
    resource_server.checked().save()
    deadline = time.monotonic() + SECONDS_TO_SEE_A_CHANGE
    while time.monotonic() < deadline:
        token = token_for(provider, cast, resource_server.identifier)
        if part_of(token, 0)["typ"] == "JWT":
            return token
    raise AssertionError(f"The tokens still have another typ after {SECONDS_TO_SEE_A_CHANGE} s.")


def token_for(provider: Provider, cast: Cast, resource: str | list[str], scope: str = "invoices.read") -> str:
    """Of the client `billing`."""
    asked = {"grant_type": "client_credentials", "resource": resource, "scope": scope}
    answer = provider.server.post(
        "/oidc_m2m/token", data=asked, headers={"Authorization": cast.basic("billing")}
    )
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


def with_another_scope(token: str, scope: str) -> str:
    """Under the signature of the token."""
    header, _, signature = token.split(".")
    claims = part_of(token, 1)
    claims["scope"] += f" {scope}"
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{header}.{changed}.{signature}"


def part_of(token: str, index: int) -> dict[str, Any]:
    """The header (0) or the claims (1), unverified."""
    part: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[index] + "=="))
    return part
