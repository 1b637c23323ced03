"""Whether a relying party, its template, its grants and its issuer's variables fit together.

A change of one of them can break another, so every change of the configuration is checked before its transaction ends.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.db import models
from django.db.models import Q, QuerySet

from issuers.models import GlobalVariable, Issuer, TokenEndpointAuthMethod
from relying_parties.claims.language import MissingValueError, placeholders, render
from relying_parties.client import Template
from relying_parties.models import (
    AccessGrant,
    ClaimTemplate,
    ClientSecret,
    FederatedCredential,
    RelyingParty,
    RequestRule,
    ResourceServer,
    TrustedIssuer,
)
from relying_parties.templates import compiled, own_values, variables_of
from relying_parties.validation.issuer_limits import limit_problems

MAX_SUBJECT_LENGTH = 255
ROWS_AT_ONCE = 500
"""Read with all that they refer to."""


def reached_by(row: models.Model) -> QuerySet[RelyingParty]:
    """The relying parties that a change of this row of the configuration can break."""
    match row:
        case RelyingParty():
            reached = Q(pk=row.pk)
        case AccessGrant() | ClientSecret() | FederatedCredential() | RequestRule():
            reached = Q(pk=row.relying_party_id)
        case ClaimTemplate():
            reached = Q(claim_template=row)
        case TrustedIssuer():
            reached = Q(federated_credentials__trusted_issuer=row)
        case ResourceServer():
            reached = Q(grants__resource_server=row)
        case GlobalVariable():
            reached = Q(claim_template__isnull=False) & (Q(issuer=row.issuer_id) if row.issuer_id else Q())
        case Issuer():
            reached = Q(issuer=row)
        case _:
            return RelyingParty.objects.none()
    return RelyingParty.objects.filter(reached).select_related("issuer", "claim_template")


def keys_reached_by(row: models.Model) -> list[int]:
    """Their primary keys; without a query where the row names them."""
    if isinstance(row, RelyingParty):
        return [row.pk]
    if isinstance(row, AccessGrant | ClientSecret | FederatedCredential | RequestRule):
        return [row.relying_party_id]
    return list(reached_by(row).values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class _Common:
    """What relying parties that are checked together have in common, read once."""

    variables_of: Callable[[Issuer], dict[str, Any]] = field(default_factory=lambda: cache(variables_of))
    compiled: Callable[[ClaimTemplate], Template] = field(default_factory=lambda: cache(compiled))

    def values_of(self, relying_party: RelyingParty) -> dict[str, Any]:
        return own_values(relying_party) | self.variables_of(relying_party.issuer)


def problems_of(relying_party: RelyingParty) -> list[str]:
    """What does not fit, in words that say what to do; empty if everything fits."""
    return _problems_of(relying_party, _Common())


def problems_of_each(keys: Iterable[int]) -> Iterator[tuple[RelyingParty, list[str]]]:
    """As `problems_of`, for the relying parties with these primary keys."""
    common = _Common()
    for relying_party in relying_parties_of(keys):
        yield relying_party, _problems_of(relying_party, common)


def relying_parties_of(keys: Iterable[int]) -> Iterator[RelyingParty]:
    """Those with these primary keys, in their order, with everything that their tokens depend on."""
    wanted = sorted(keys)
    rows = RelyingParty.objects.select_related("issuer", "claim_template").prefetch_related(
        "secrets", "rules", "grants__resource_server", "federated_credentials__trusted_issuer__issuer"
    )
    for start in range(0, len(wanted), ROWS_AT_ONCE):
        yield from rows.filter(pk__in=wanted[start : start + ROWS_AT_ONCE]).order_by("pk")


def _problems_of(relying_party: RelyingParty, common: _Common) -> list[str]:
    return [
        *limit_problems(relying_party).values(),
        *_certificate_problems(relying_party),
        *_federation_problems(relying_party),
        *_grant_problems(relying_party),
        *_template_problems(relying_party, common),
    ]


def _certificate_problems(relying_party: RelyingParty) -> list[str]:
    method, issuer = relying_party.token_endpoint_auth_method, relying_party.issuer
    if method != TokenEndpointAuthMethod.TLS_CLIENT_AUTH or issuer.client_ca_certificates:
        return []
    return [
        f"its method {method} needs the client CA certificates of {issuer}, which has none: add them there."
    ]


def _federation_problems(relying_party: RelyingParty) -> list[str]:
    return [
        f"its federated credential {credential} trusts an issuer of another issuer."
        for credential in relying_party.federated_credentials.all()
        if credential.trusted_issuer.issuer_id != relying_party.issuer_id
    ]


def _grant_problems(relying_party: RelyingParty) -> list[str]:
    problems = []
    for grant in relying_party.grants.all():
        server = grant.resource_server
        if server.issuer_id != relying_party.issuer_id:
            problems.append(f"its grant for {server.identifier} is for another issuer's API.")
        if unknown := sorted(set(grant.scopes) - set(server.scopes)):
            problems.append(
                f"its grant for {server.identifier} has scopes not known there: {', '.join(unknown)}."
            )
    return problems


def _template_problems(relying_party: RelyingParty, common: _Common) -> list[str]:
    template = relying_party.claim_template
    if template is None:
        return []
    node = common.compiled(template)
    context: dict[str, Any] = common.values_of(relying_party) | {"grant.scope": "", "grant.audience": ""}
    context |= {f"request.param_{name}": "" for name in node.parameters}
    try:
        claims = render(node.claims, context)
        render(node.headers, context)
    except MissingValueError as missing:
        return [
            f"its claim template {template} uses ${{{missing.reference}}}, which is not defined for this issuer."
        ]
    audience_is_granted = any(
        placeholder.namespace == "grant" for placeholder in placeholders(node.claims.get("aud"))
    )
    return [
        *_issuer_claim_problems(claims, relying_party),
        *_subject_problems(claims),
        *([] if audience_is_granted else _audience_problems(claims, relying_party)),
    ]


def _issuer_claim_problems(claims: dict[str, Any], relying_party: RelyingParty) -> list[str]:
    url = relying_party.issuer.url
    if claims.get("iss", url) == url:
        return []
    return [
        f"iss in its claim template must be the issuer's own URL, {url}: write ${{issuer.url}} or leave it out."
    ]


def _subject_problems(claims: dict[str, Any]) -> list[str]:
    subject = claims.get("sub", "-")
    if isinstance(subject, str) and 0 < len(subject) <= MAX_SUBJECT_LENGTH:
        return []
    return [f"sub in its claim template must be a text of 1 to {MAX_SUBJECT_LENGTH} characters."]


def _audience_problems(claims: dict[str, Any], relying_party: RelyingParty) -> list[str]:
    if "aud" not in claims:
        return []
    audience = [claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"]
    if (
        not isinstance(audience, list)
        or not audience
        or not all(isinstance(value, str) for value in audience)
    ):
        return ["aud in its claim template must be a text or a list of texts."]
    granted = {grant.resource_server.identifier for grant in relying_party.grants.all()}
    return [
        f"aud in its claim template is {value}, for which it has no access grant: add one, or change aud."
        for value in audience
        if value not in granted
    ]
