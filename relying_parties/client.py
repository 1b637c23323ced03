"""A client as the token path knows it: frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from relying_parties.claims.language import Node
from relying_parties.client_secrets import SecretSnapshot
from relying_parties.federation.credential import Federated
from relying_parties.jwks.client_keys import VerificationKey


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
