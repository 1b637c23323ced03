"""For what: the scopes and the audience that a proven client gets (RFC 6749 sections 3.3 and 4.4, RFC 8707).

Everything that was asked for, or a refusal; nothing is narrowed in silence.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from issuance.client_auth.nearly_right import normalised_uri
from issuance.wire.errors import (
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    UnauthorizedClient,
    UnsupportedGrantType,
)
from issuance.wire.token_request import TokenRequest
from issuers.directory import IssuerSnapshot
from relying_parties.claims.token_types import TokenType
from relying_parties.client import Client, Grant
from relying_parties.models import SCOPE_TOKEN
from runtime.proxies import parsed_address

CLIENT_CREDENTIALS = "client_credentials"
GRANT_TYPES = (CLIENT_CREDENTIALS,)


@dataclass(frozen=True, slots=True)
class Granted:
    """What the token will say. `audience` has at least one value; `access_token_ttl` is in seconds."""

    audience: tuple[str, ...]
    scopes: tuple[str, ...]
    access_token_ttl: int
    token_typ: str
    """The header typ that the APIs of the audience ask for."""

    @property
    def scope(self) -> str:
        return " ".join(self.scopes)


def authorize(
    request: TokenRequest,
    *,
    client: Client,
    issuer: IssuerSnapshot,
    address: str,
    now: datetime,
    ends_by: int | None = None,
) -> Granted:
    """Raises the OAuthError of the first thing that the client may not.

    `ends_by`, in seconds since 1970, is when the token must end at the latest.
    """
    refuse_other_grant_type(request, issuer=issuer)
    audience, scopes = audience_and_scopes(request, client=client)
    refuse_other_network(client, address=address)
    refuse_outside_validity(client, now=now)
    refuse_broken_rule(request, client=client)
    return Granted(
        audience=audience,
        scopes=tuple(sorted(scopes)),
        access_token_ttl=_ttl(client, issuer=issuer, now=now, ends_by=ends_by),
        token_typ=_token_typ(audience, client=client),
    )


def _ttl(client: Client, *, issuer: IssuerSnapshot, now: datetime, ends_by: int | None) -> int:
    """Seconds."""
    ttl = min(client.access_token_ttl or issuer.default_access_token_ttl, issuer.max_access_token_ttl)
    return ttl if ends_by is None else min(ttl, ends_by - int(now.timestamp()))


def refuse_other_grant_type(request: TokenRequest, *, issuer: IssuerSnapshot) -> None:
    if not request.grant_type and not issuer.allow_missing_grant_type:
        raise InvalidRequest(
            "grant_type is missing, and the issuer requires it.", description="grant_type is missing."
        )
    if request.grant_type and request.grant_type not in GRANT_TYPES:
        raise UnsupportedGrantType("Another grant_type than client_credentials.")


def audience_and_scopes(request: TokenRequest, *, client: Client) -> tuple[tuple[str, ...], Iterable[str]]:
    """Resolve `resource` and `scope` against the client's grants and its template's own audience."""
    asked = _asked_scopes(request.scope)
    resources = request.resources
    if resources:
        _refuse_bad_target(resources, client=client)
    audience = resources or client.template_audience or _audience_for(asked, client=client)
    granted = _scopes_granted_on_all(audience, client=client)
    if ungranted := sorted(asked - granted):
        raise InvalidScope(f"Not granted on {' and '.join(audience)}: {' '.join(ungranted)}.")
    return audience, asked or granted


def refuse_other_network(client: Client, *, address: str) -> None:
    if not client.allowed_networks:
        return
    source = parsed_address(address)
    if source is None:
        raise UnauthorizedClient("The client is bound to networks, and the address is unknown.")
    if not any(source in network for network in client.allowed_networks):
        raise UnauthorizedClient(f"{source} is in none of the client's allowed networks.")


def refuse_outside_validity(client: Client, *, now: datetime) -> None:
    if client.valid_from and now < client.valid_from:
        raise UnauthorizedClient(f"The client is valid from {client.valid_from.isoformat()} on.")
    if client.valid_until and now >= client.valid_until:
        raise UnauthorizedClient(f"The client was valid until {client.valid_until.isoformat()}.")


def refuse_broken_rule(request: TokenRequest, *, client: Client) -> None:
    for rule in client.rules:
        if not rule.allows(request.one(rule.parameter)):
            raise InvalidRequest(f"The rule on {rule.parameter} is not met.", description=rule.message)


def _asked_scopes(scope: str) -> frozenset[str]:
    asked = frozenset(filter(None, scope.split(" ")))
    if not all(SCOPE_TOKEN.match(token) for token in asked):
        raise InvalidScope("The scope holds a character that no scope has (RFC 6749 section 3.3).")
    return asked


def _refuse_bad_target(resources: tuple[str, ...], *, client: Client) -> None:
    """One answer for all: a client without a grant for a resource does not learn whether it exists."""
    identifiers = {grant.audience for grant in client.grants}
    for resource in resources:
        if resource not in identifiers:
            why = "is not granted" if is_absolute_uri(resource) else "is neither granted nor an absolute URI"
            raise InvalidTarget(f"The resource {resource} {why}.{_meant_instead(resource, identifiers)}")
    if client.template_audience and set(resources) != set(client.template_audience):
        raise InvalidTarget(f"The claim template sets the audience {' '.join(client.template_audience)}.")


def _meant_instead(resource: str, identifiers: Collection[str]) -> str:
    """The granted identifier that differs by what people do not see: letter case of the host, port, last slash."""
    near = [known for known in identifiers if normalised_uri(known) == normalised_uri(resource)]
    return f" Granted is {near[0]}: send it to the letter." if near else ""


def is_absolute_uri(text: str) -> bool:
    """RFC 8707 section 2: an absolute URI without a fragment."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and (parts.netloc or parts.path)) and "#" not in text


def _audience_for(asked: frozenset[str], *, client: Client) -> tuple[str, ...]:
    """No resource was named: the default grant's, or the only one that grants all the scopes."""
    default = next((grant for grant in client.grants if grant.is_default), None)
    if not asked:
        if default is None:
            raise InvalidTarget("No resource was asked for, and the client has no default grant.")
        return (default.audience,)
    if default is not None and asked <= default.scopes:
        return (default.audience,)
    fitting = [grant for grant in client.grants if asked <= grant.scopes]
    if len(fitting) != 1:
        how_many = f"{len(fitting)} APIs grant" if fitting else "No single API grants"
        raise InvalidScope(f"{how_many} {' '.join(sorted(asked))}: the request must name its resource.")
    return (fitting[0].audience,)


def _scopes_granted_on_all(audience: tuple[str, ...], *, client: Client) -> frozenset[str]:
    by_audience: dict[str, Grant] = {grant.audience: grant for grant in client.grants}
    missing = [value for value in audience if value not in by_audience]
    if missing:
        raise InvalidTarget(f"No grant for the claim template's audience {' '.join(missing)}.")
    return frozenset.intersection(*(by_audience[value].scopes for value in audience))


def _token_typ(audience: tuple[str, ...], *, client: Client) -> str:
    """Of several APIs that differ, the standard's: a token for both can satisfy one of them only."""
    asked = {grant.token_typ for grant in client.grants if grant.audience in audience}
    return asked.pop() if len(asked) == 1 else TokenType.AT_JWT
