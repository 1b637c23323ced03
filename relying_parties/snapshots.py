"""Relying parties as frozen snapshots: what the token path needs to know, in one look-up."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from django.db import connection
from django.db.models import Prefetch, Q

from formats.patterns import compiled_pattern
from issuers.models import GlobalVariable, Issuer, TokenEndpointAuthMethod
from issuers.versioning.revision import topic
from issuers.versioning.snapshots import Snapshots
from relying_parties.certificates.subjects import subject_problem
from relying_parties.claims.language import (
    MissingValueError,
    Node,
    compile_template,
    placeholders,
    render,
)
from relying_parties.client_secrets import SecretSnapshot
from relying_parties.faults import Faults
from relying_parties.federation.credential import Federated
from relying_parties.jwks.client_keys import VerificationKey, registered_keys
from relying_parties.models import (
    AccessGrant,
    ClaimTemplate,
    ClientSecret,
    FederatedCredential,
    RelyingParty,
    RequestRule,
    networks_problem,
    scopes_problem,
)
from relying_parties.validation.registration import CERTIFICATE_SUBJECTS


@dataclass(frozen=True, slots=True)
class Rule:
    parameter: str
    pattern: Any
    message: str

    def allows(self, value: str) -> bool:
        return self.pattern.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Grant:
    """What a relying party may ask for at one resource server."""

    audience: str
    scopes: frozenset[str]
    is_default: bool
    token_typ: str


@dataclass(frozen=True, slots=True)
class Template:
    """A claim template, compiled. `label` is its name and history id, for the record."""

    label: str
    claims: Mapping[str, Node]
    headers: Mapping[str, Node]
    with_x5t: bool
    with_x5c: bool
    parameters: frozenset[str]


NO_TEMPLATE = Template(
    label="", claims={}, headers={}, with_x5t=False, with_x5c=False, parameters=frozenset()
)


@dataclass(frozen=True, slots=True)
class Client:
    """A relying party as it is stored. The caller compares its instants with the clock."""

    id: int
    issuer_id: int
    client_id: str
    is_active: bool
    valid_from: datetime | None
    valid_until: datetime | None
    token_endpoint_auth_method: str
    secrets: tuple[SecretSnapshot, ...]
    revoked_secrets: tuple[SecretSnapshot, ...]
    """The newest revoked ones, so that the record can name one that is still in use."""
    keys: tuple[VerificationKey, ...]
    """The keys registered here; those at `jwks_uri` are fetched when they are needed."""
    jwks_uri: str
    accepts_token_endpoint_audience: bool
    federated: tuple[Federated, ...]
    certificate_subjects: Mapping[str, str]
    """By the names of RFC 8705 section 2.1.2: the one that is registered."""
    certificate_bound: bool
    dpop_bound: bool
    access_token_ttl: int | None
    signing_alg: str
    allowed_networks: tuple[IPv4Network | IPv6Network, ...]
    requests_per_minute: int | None
    trace_until: datetime | None
    grants: tuple[Grant, ...]
    rules: tuple[Rule, ...]
    template: Template
    template_audience: tuple[str, ...]
    values: Mapping[str, Any]
    """The template values that are the same for every request: `client.*`, `issuer.*`, `globals.*`."""
    topics: tuple[str, ...]
    """Everything in the configuration that this was read from."""
    faults: tuple[str, ...] = ()
    """Stored values that its checks refuse and that were left out: no token is issued until they are corrected."""

    @property
    def parameters_read(self) -> frozenset[str]:
        """The request parameters that a rule or the template reads."""
        return self.template.parameters | {rule.parameter for rule in self.rules}


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


def compiled(template: ClaimTemplate | None) -> Template:
    if template is None:
        return NO_TEMPLATE
    claims, headers = compile_template(template.claims), compile_template(template.headers)
    version = template.history.values_list("history_id", flat=True).first()
    return Template(
        label=f"{template.name}@{version}",
        claims=claims,
        headers=headers,
        with_x5t=template.with_x5t,
        with_x5c=template.with_x5c,
        parameters=frozenset(
            placeholder.parameter
            for placeholder in (*placeholders(claims), *placeholders(headers))
            if placeholder.parameter
        ),
    )


def own_values(relying_party: RelyingParty) -> dict[str, Any]:
    issuer = relying_party.issuer
    return {
        "client.client_id": relying_party.client_id,
        "client.name": relying_party.name,
        "client.description": relying_party.description,
        "client.contact": relying_party.contact,
        "issuer.url": issuer.url,
        "issuer.path": issuer.path,
        "issuer.name": issuer.name,
    }


def variables_of(issuer: Issuer) -> dict[str, Any]:
    """The global variables that its relying parties see, as `globals.NAME`."""
    variables = GlobalVariable.objects.filter(Q(issuer__isnull=True) | Q(issuer=issuer))
    # The shared ones first, so that an issuer's own replace them.
    ordered = sorted(variables, key=lambda variable: variable.issuer_id is not None)
    return {f"globals.{variable.name}": variable.value for variable in ordered}


def literal_audience(template: Template, values: Mapping[str, Any]) -> tuple[str, ...]:
    """The audience that the template itself sets, empty if it leaves it to the grant.

    Empty also if it cannot be resolved: then the token's claims cannot either, and that is refused to the proven client
    only.
    """
    node = template.claims.get("aud")
    if node is None or any(placeholder.namespace == "grant" for placeholder in placeholders(node)):
        return ()
    try:
        audience = render(node, values)
    except MissingValueError:
        return ()
    return tuple(str(value) for value in (audience if isinstance(audience, list) else [audience]))
