"""To what a token is bound: a key that whoever uses it must hold (RFC 7800, RFC 8705, RFC 9449)."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from issuance.replay import SingleUse
from issuance.tokens.dpop import proven_key
from issuance.wire.errors import InvalidDpopProof, InvalidRequest
from issuance.wire.token_request import TokenRequest
from issuers.directory import IssuerSnapshot
from issuers.models import CERTIFICATE_METHODS
from relying_parties.client import Client
from runtime.main_loop import refuse_to_wait

THUMBPRINT_BYTES = 32
"""Of SHA-256."""


@dataclass(frozen=True, slots=True)
class Binding:
    """`confirmation` is the claim cnf, empty for a bearer token; `uses` are written with the row of the record."""

    token_type: str = "Bearer"  # noqa: S105 - RFC 6750
    confirmation: dict[str, str] = field(default_factory=dict)
    uses: tuple[SingleUse, ...] = ()


def bind(
    request: TokenRequest, *, client: Client, issuer: IssuerSnapshot, path: str, now: datetime
) -> Binding:
    """Where DPoP is off, a proof is a header like any other: not read. Raises InvalidRequest, InvalidDpopProof."""
    confirmation = _certificate_confirmation(request, client=client)
    if request.dpop is not None and issuer.accepts_dpop:
        refuse_to_wait()
        proof = proven_key(request.dpop, algs=issuer.dpop_algs, path=path, now=now)
        return Binding(token_type="DPoP", confirmation=confirmation | {"jkt": proof.jkt}, uses=(proof.use,))  # noqa: S106 - RFC 9449
    if client.dpop_bound:
        raise InvalidDpopProof(
            why_dpop_is_impossible(client, issuer=issuer) or "The client must send a DPoP proof, and did not."
        )
    return Binding(confirmation=confirmation)


def bind_to_nobody(*, client: Client, issuer: IssuerSnapshot) -> Binding:
    """For a token that is to be looked at: what must be bound is bound to a thumbprint of nothing that anybody holds.

    Raises InvalidDpopProof where no request of the client could be bound.
    """
    if impossible := why_dpop_is_impossible(client, issuer=issuer):
        raise InvalidDpopProof(impossible)
    needs = (("x5t#S256", _must_bring_certificate(client)), ("jkt", client.dpop_bound))
    confirmation = {
        member: secrets.token_urlsafe(THUMBPRINT_BYTES) for member, is_needed in needs if is_needed
    }
    return Binding(token_type="DPoP" if client.dpop_bound else "Bearer", confirmation=confirmation)


def why_dpop_is_impossible(client: Client, *, issuer: IssuerSnapshot) -> str:
    """Why no request of the client can be bound as it must be; empty if one can."""
    if not client.dpop_bound or issuer.accepts_dpop:
        return ""
    return "The client requires DPoP, which is off at this issuer: turn on accepts_dpop."


def _certificate_confirmation(request: TokenRequest, *, client: Client) -> dict[str, str]:
    """RFC 8705 section 3.1, for a client that its certificate proves, and for one whose tokens are always bound."""
    if not _must_bring_certificate(client):
        return {}
    certificate = request.certificate
    if certificate is None:
        raise InvalidRequest(
            "The client's tokens are bound to its TLS client certificate, and none came with the request.",
            description="A TLS client certificate is required.",
        )
    return {"x5t#S256": certificate.thumbprint}


def _must_bring_certificate(client: Client) -> bool:
    return client.certificate_bound or client.token_endpoint_auth_method in CERTIFICATE_METHODS
