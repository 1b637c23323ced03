"""Clients as frozen snapshots: what the token path needs to know, in one look-up."""

import ipaddress
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from django.db import connection
from django.db.models import Prefetch

from formats.patterns import compiled_pattern
from issuers.models import TokenEndpointAuthMethod
from issuers.versioning.revision import topic
from issuers.versioning.snapshots import Snapshots
from relying_parties.certificates.subjects import subject_problem
from relying_parties.client import NO_TEMPLATE, Client, Grant, Rule, Template
from relying_parties.faults import Faults
from relying_parties.federation.credential import Federated
from relying_parties.jwks.client_keys import registered_keys
from relying_parties.models import (
    AccessGrant,
    ClientSecret,
    FederatedCredential,
    RelyingParty,
    RequestRule,
    networks_problem,
    scopes_problem,
)
from relying_parties.templates import compiled, literal_audience, own_values, variables_of
from relying_parties.validation.registration import CERTIFICATE_SUBJECTS

_REGISTERED = f"SELECT 1 FROM {RelyingParty._meta.db_table} WHERE issuer_id = %s AND client_id = %s"  # noqa: S608
MAX_CLIENT_ID_LENGTH = 255
MAX_REVOKED = 10
"""Comparing each takes some microseconds when a secret is wrong, which an unknown client does not take."""


def _is_registered(key: tuple[int, str]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_REGISTERED, list(key))
        return cursor.fetchone() is not None


_registered: Snapshots[tuple[int, str], bool] = Snapshots(
    _is_registered, topics=lambda key, _is_registered: (topic("registered", *key),)
)
"""A client that is not registered is remembered too: the time must not show that it is unknown (protocol.md, P3.8)."""


def _can_be_client_id(text: str) -> bool:
    """Any other text is not looked up: PostgreSQL refuses some, and a long one would be remembered."""
    return len(text) <= MAX_CLIENT_ID_LENGTH and text.isascii() and text.isprintable()


def _load(key: tuple[int, str]) -> Client | None:
    issuer_id, client_id = key
    if not _can_be_client_id(client_id) or not _registered.get(key):
        return None
    relying_party = (
        RelyingParty.objects.filter(issuer_id=issuer_id, client_id=client_id)
        .select_related("issuer", "claim_template")
        .prefetch_related(Prefetch("grants", AccessGrant.objects.select_related("resource_server")))
        .prefetch_related("secrets", "rules")
        .prefetch_related(
            Prefetch(
                "federated_credentials",
                FederatedCredential.objects.select_related("trusted_issuer__issuer"),
            )
        )
        .first()
    )
    return snapshot_of(relying_party) if relying_party else None


clients: Snapshots[tuple[int, str], Client] = Snapshots(_load, topics=lambda _key, client: client.topics)


def snapshot_of(relying_party: RelyingParty, *, variables: Mapping[str, Any] | None = None) -> Client:
    """`variables`: of its issuer, for a caller that reads many of its relying parties; None: they are read here."""
    faults = Faults()
    template = faults.read("claim template", lambda: _template(relying_party), instead=NO_TEMPLATE)
    values = own_values(relying_party) | dict(
        variables_of(relying_party.issuer) if variables is None else variables
    )
    secrets: list[ClientSecret] = list(relying_party.secrets.all())
    return Client(
        id=relying_party.pk,
        issuer_id=relying_party.issuer_id,
        client_id=relying_party.client_id,
        is_active=relying_party.is_active,
        valid_from=relying_party.valid_from,
        valid_until=relying_party.valid_until,
        token_endpoint_auth_method=relying_party.token_endpoint_auth_method,
        secrets=tuple(secret.snapshot for secret in secrets if secret.revoked_at is None),
        revoked_secrets=tuple(secret.snapshot for secret in secrets if secret.revoked_at)[:MAX_REVOKED],
        keys=registered_keys(relying_party.client_jwks),
        jwks_uri=relying_party.client_jwks_uri,
        accepts_token_endpoint_audience=relying_party.accepts_token_endpoint_audience,
        federated=_federated(relying_party, faults),
        certificate_subjects=_certificate_subjects(relying_party, faults),
        certificate_bound=relying_party.tls_client_certificate_bound_access_tokens,
        dpop_bound=relying_party.dpop_bound_access_tokens,
        access_token_ttl=relying_party.access_token_ttl,
        signing_alg=relying_party.signing_alg,
        allowed_networks=faults.read("allowed networks", lambda: _networks(relying_party), instead=()),
        requests_per_minute=relying_party.requests_per_minute,
        trace_until=relying_party.trace_until,
        grants=_grants(relying_party, faults),
        rules=_rules(relying_party, faults),
        template=template,
        template_audience=literal_audience(template, values),
        values=values,
        topics=tuple(dict.fromkeys(_topics(relying_party))),
        faults=tuple(faults.found),
    )


def _topics(relying_party: RelyingParty) -> Iterator[str]:
    """Its secrets, grants, rules and federated credentials change with its own topic."""
    yield topic("relying_party", relying_party.pk)
    yield topic("issuer", relying_party.issuer_id)
    yield topic("global_variables", relying_party.issuer_id)
    yield topic("global_variables", "all")
    if relying_party.claim_template_id:
        yield topic("claim_template", relying_party.claim_template_id)
    for grant in relying_party.grants.all():
        yield topic("resource_server", grant.resource_server_id)
    for credential in relying_party.federated_credentials.all():
        yield topic("trusted_issuer", credential.trusted_issuer_id)
        yield topic("issuer", credential.trusted_issuer.issuer_id)


def _template(relying_party: RelyingParty) -> Template:
    """Raises ValidationError."""
    if relying_party.claim_template is not None:
        relying_party.claim_template.clean()
    return compiled(relying_party.claim_template)


def _networks(relying_party: RelyingParty) -> tuple[IPv4Network | IPv6Network, ...]:
    """Raises ValueError."""
    if problem := networks_problem(relying_party.allowed_networks):
        raise ValueError(problem)
    return tuple(map(ipaddress.ip_network, relying_party.allowed_networks))


def _federated(relying_party: RelyingParty, faults: Faults) -> tuple[Federated, ...]:
    rows = relying_party.federated_credentials.all()
    read = (
        faults.read(f"federated credential {row}", lambda row=row: _credential(row), instead=None)  # type: ignore[misc]
        for row in rows
    )
    return tuple(credential for credential in read if credential)


def _credential(row: FederatedCredential) -> Federated:
    """Raises ValidationError."""
    row.clean()
    row.trusted_issuer.refuse_own_url()
    return Federated.of(row)


def _certificate_subjects(relying_party: RelyingParty, faults: Faults) -> dict[str, str]:
    """The registered one; empty unless there is exactly one, since nothing says which was meant."""
    given = {name: value for name in CERTIFICATE_SUBJECTS if (value := getattr(relying_party, name))}
    is_needed = relying_party.token_endpoint_auth_method == TokenEndpointAuthMethod.TLS_CLIENT_AUTH
    if is_needed and len(given) != 1:
        faults.add(f"{len(given)} certificate subject names are registered, where tls_client_auth needs one")
        return {}
    for name, value in given.items():
        if is_needed and (problem := subject_problem(name, value)):
            faults.add(f"{name}: {problem}")
            return {}
    return given


def _grants(relying_party: RelyingParty, faults: Faults) -> tuple[Grant, ...]:
    rows = relying_party.grants.all()
    read = (faults.read(f"access grant {row.pk}", lambda row=row: _grant(row), instead=None) for row in rows)  # type: ignore[misc]
    return tuple(grant for grant in read if grant)


def _grant(row: AccessGrant) -> Grant:
    """Raises ValueError. A scope that the resource server no longer knows is no longer granted."""
    server = row.resource_server
    if problem := scopes_problem(row.scopes) or scopes_problem(server.scopes):
        raise ValueError(problem)
    if server.issuer_id != row.relying_party.issuer_id:
        raise ValueError(f"the API {server.identifier} belongs to another issuer")
    scopes = frozenset(row.scopes) & frozenset(server.scopes)
    return Grant(
        audience=server.identifier,
        scopes=scopes,
        is_default=row.is_default,
        token_typ=server.token_typ,
    )


def _rules(relying_party: RelyingParty, faults: Faults) -> tuple[Rule, ...]:
    rows = relying_party.rules.all()
    read = (faults.read(f"rule on {row.parameter}", lambda row=row: _rule(row), instead=None) for row in rows)  # type: ignore[misc]
    return tuple(rule for rule in read if rule)


def _rule(row: RequestRule) -> Rule:
    """Raises ValidationError."""
    row.clean()
    return Rule(parameter=row.parameter, pattern=compiled_pattern(row.regex), message=row.message)
