"""Whether a client gets tokens now and, if not, why: the checks of the token endpoint, asked without a request."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from issuance.outlook.credential_status import CredentialProblem, credential_problem
from issuance.outlook.imagined import allowed_address, request_of, stand_ins
from issuance.tokens.access_token import token_for
from issuance.tokens.binding import why_dpop_is_impossible
from issuance.tokens.grants import audience_and_scopes, authorize, refuse_outside_validity
from issuance.tokens.signing_key import ready_key
from issuance.wire.errors import InvalidRequest, InvalidTarget, OAuthError, UnauthorizedClient
from issuers.directory import IssuerSnapshot
from relying_parties.client import Client


class Cause(StrEnum):
    """Why a client gets no token, in the order in which the token endpoint asks. The value is short, for a list."""

    ISSUER_DISABLED = "issuer disabled"
    CLIENT_DISABLED = "disabled"
    METHOD_OFF = "method off"
    NO_CREDENTIAL = "no credential"
    CREDENTIAL_ENDED = "credential ended"
    MISCONFIGURED = "misconfigured"
    DPOP_OFF = "DPoP off"
    NO_ACCESS = "no access"
    NOT_YET_VALID = "not valid yet"
    NO_LONGER_VALID = "no longer valid"
    NO_SIGNING_KEY = "no signing key"


SET_UP = frozenset({Cause.NO_CREDENTIAL, Cause.NO_ACCESS, Cause.NOT_YET_VALID})
"""Causes of a client that nobody has finished yet, rather than stopped."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason why every request is refused. `reason` is a clause, `advice` a sentence."""

    cause: Cause
    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class ClientStatus:
    """Every obstacle, that of the first check first; none for a client that gets tokens."""

    obstacles: tuple[Obstacle, ...] = ()
    limits: tuple[str, ...] = ()
    """What a request must bring, in sentences, where not every request gets a token."""

    @property
    def gets_tokens(self) -> bool:
        return not self.obstacles

    @property
    def label(self) -> str:
        return self.obstacles[0].cause.value if self.obstacles else "gets tokens"

    @property
    def reason(self) -> str:
        """Of the first obstacle, empty if there is none."""
        return self.obstacles[0].reason if self.obstacles else ""

    @property
    def is_set_up(self) -> bool:
        return not self.obstacles or self.obstacles[0].cause not in SET_UP

    def __str__(self) -> str:
        if not self.obstacles:
            return "Gets tokens."
        return f"{'Refused now' if self.is_set_up else 'Cannot get tokens yet'}: {self.reason}."


def client_status(client: Client, *, issuer: IssuerSnapshot, now: datetime) -> ClientStatus:
    """Networks, rules and quotas are left out: they refuse one request and not the next."""
    found = (check(client, issuer, now) for check in _CHECKS)
    if obstacles := tuple(obstacle for obstacle in found if obstacle):
        return ClientStatus(obstacles)
    return _imagined(client, issuer, now)


def _issuer(_client: Client, issuer: IssuerSnapshot, _now: datetime) -> Obstacle | None:
    if issuer.is_active:
        return None
    return Obstacle(
        Cause.ISSUER_DISABLED, f"its issuer {issuer.name} is disabled", "Set the issuer active on its page."
    )


def _client(client: Client, _issuer: IssuerSnapshot, _now: datetime) -> Obstacle | None:
    if client.is_active:
        return None
    return Obstacle(Cause.CLIENT_DISABLED, "it is disabled", "Enable it.")


def _method(client: Client, issuer: IssuerSnapshot, _now: datetime) -> Obstacle | None:
    method = client.token_endpoint_auth_method
    if method in issuer.token_endpoint_auth_methods:
        return None
    return Obstacle(
        Cause.METHOD_OFF,
        f"its method {method} is off at the issuer {issuer.name}",
        "Turn the method on at the issuer, or give the client another one.",
    )


def _credential(client: Client, issuer: IssuerSnapshot, now: datetime) -> Obstacle | None:
    problem: CredentialProblem | None = credential_problem(client, issuer=issuer, now=now)
    if problem is None:
        return None
    cause = Cause.CREDENTIAL_ENDED if problem.has_ended else Cause.NO_CREDENTIAL
    return Obstacle(cause, problem.reason, problem.advice)


def _faults(client: Client, _issuer: IssuerSnapshot, _now: datetime) -> Obstacle | None:
    if not client.faults:
        return None
    return _misconfigured("; ".join(client.faults))


def _dpop(client: Client, issuer: IssuerSnapshot, _now: datetime) -> Obstacle | None:
    if not why_dpop_is_impossible(client, issuer=issuer):
        return None
    return Obstacle(
        Cause.DPOP_OFF,
        f"it requires DPoP, which is off at the issuer {issuer.name}",
        "Turn on accepts_dpop at the issuer, or let the client ask without a DPoP proof.",
    )


def _access(client: Client, _issuer: IssuerSnapshot, _now: datetime) -> Obstacle | None:
    if not client.grants:
        return Obstacle(Cause.NO_ACCESS, "it has no access grant", "Add an access grant for an API.")
    try:
        audience_and_scopes(request_of({}), client=client)
    except InvalidTarget as refusal:
        # A template's own audience counts for every request; without one, a request can name what it wants.
        return _misconfigured(_clause(refusal.detail)) if client.template_audience else None
    return None


def _validity(client: Client, _issuer: IssuerSnapshot, now: datetime) -> Obstacle | None:
    try:
        refuse_outside_validity(client, now=now)
    except UnauthorizedClient:
        if client.valid_from and now < client.valid_from:
            reason = f"it is valid from {client.valid_from:%Y-%m-%d %H:%M} UTC on"
            return Obstacle(Cause.NOT_YET_VALID, reason, "Wait, or move its valid_from.")
        reason = f"it was valid until {client.valid_until:%Y-%m-%d %H:%M} UTC"
        return Obstacle(Cause.NO_LONGER_VALID, reason, "Move its valid_until if the service goes on.")
    return None


def _signing_key(client: Client, issuer: IssuerSnapshot, now: datetime) -> Obstacle | None:
    try:
        ready_key(client=client, issuer=issuer, now=now)
    except OAuthError as refusal:
        return Obstacle(Cause.NO_SIGNING_KEY, _clause(refusal.detail), "See the signing keys of the issuer.")
    return None


Check = Callable[[Client, IssuerSnapshot, datetime], Obstacle | None]
_CHECKS: tuple[Check, ...] = (
    _issuer, _client, _method, _credential, _faults, _dpop, _access, _validity, _signing_key,
)  # fmt: skip


def _imagined(client: Client, issuer: IssuerSnapshot, now: datetime) -> ClientStatus:
    """The last check: the token itself, for a request that asks for nothing in particular."""
    limits = [_FETCHED.format(uri=client.jwks_uri)] if client.jwks_uri else []
    try:
        audience_and_scopes(request_of({}), client=client)
        resource = ""
    except InvalidTarget:
        limits.append(
            "It has no default grant: each request must name its resource, or a scope of one API alone."
        )
        resource = client.grants[0].audience
    request = request_of({**stand_ins(client), "resource": resource})
    client = replace(client, rules=())
    try:
        granted = authorize(request, client=client, issuer=issuer, address=allowed_address(client), now=now)
        key = ready_key(client=client, issuer=issuer, now=now)
        token_for(client=client, issuer=issuer, request=request, granted=granted, key=key, jti="-", now=now)
    except InvalidRequest as refusal:
        limits.append(refusal.detail)
    except OAuthError as refusal:
        return ClientStatus((_misconfigured(_clause(refusal.detail)),))
    return ClientStatus(limits=tuple(limits))


_FETCHED = "Its keys are fetched from {uri} when they are needed: whether they can be had is not known here."


def _misconfigured(what: str) -> Obstacle:
    return Obstacle(Cause.MISCONFIGURED, f"it is misconfigured: {what}", "Correct it.")


def _clause(sentence: str) -> str:
    return sentence.removesuffix(".")
