"""To what a token is bound: a key that whoever uses it must hold (RFC 7800, RFC 9449)."""

from dataclasses import dataclass, field
from datetime import datetime

from issuance.dpop import proven_key
from issuance.errors import InvalidDpopProof
from issuance.replay import OneUse
from issuance.token_request import TokenRequest
from issuers.directory import IssuerSnapshot
from relying_parties.registry import Client


@dataclass(frozen=True, slots=True)
class Binding:
    """`confirmation` is the claim cnf, empty for a bearer token; `uses` are written with the row of the record."""

    token_type: str = "Bearer"  # noqa: S105 - RFC 6750
    confirmation: dict[str, str] = field(default_factory=dict)
    uses: tuple[OneUse, ...] = ()


def bind(
    request: TokenRequest, *, client: Client, issuer: IssuerSnapshot, path: str, now: datetime
) -> Binding:
    """Where DPoP is off, a proof is a header like any other: not read. Raises InvalidDpopProof."""
    if request.dpop is not None and issuer.accepts_dpop:
        proof = proven_key(request.dpop, path=path, now=now)
        return Binding(token_type="DPoP", confirmation={"jkt": proof.jkt}, uses=(proof.use,))  # noqa: S106 - RFC 9449
    if client.dpop_bound:
        raise InvalidDpopProof(
            "The relying party must send a DPoP proof, and did not."
            if issuer.accepts_dpop
            else "The relying party requires DPoP, which is off at this issuer: turn on accepts_dpop."
        )
    return Binding()
