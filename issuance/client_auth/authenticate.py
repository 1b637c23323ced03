"""Who asks: exactly one mechanism, the one that is registered (RFC 6749 section 2.3, RFC 7591 section 2).

Every failure is the same InvalidClient on the wire; its `detail` tells the operator which it was.
"""

from collections.abc import Callable
from datetime import datetime

from issuance.client_auth.client_assertion import by_assertion, sends_assertion
from issuance.client_auth.client_certificate import by_certificate
from issuance.client_auth.client_secret import by_basic, by_post, sends_basic, sends_secret
from issuance.client_auth.proof import Presented, Proven
from issuance.client_auth.throttle import refuse_further_failures, refuse_lucky_guess
from issuance.wire.errors import InvalidClient, InvalidRequest, TemporarilyUnavailable
from issuance.wire.token_request import TokenRequest
from issuers.directory import IssuerSnapshot
from relying_parties.client import Client
from relying_parties.snapshots import clients

INACTIVE = "The client is not active."


class ProvenButRefused(InvalidClient):
    """The secret is right, and the client may not use it so or now. Whoever has it guesses nothing."""

    def __init__(self, problem: str, proven: Proven) -> None:
        super().__init__(f"{problem} The secret is right ({proven.credential}).")
        self.proven = proven


def present(request: TokenRequest) -> Presented:
    """Find the one mechanism of a request. Raises InvalidRequest for two, InvalidClient for none."""
    mechanisms = [read for sent, read in _MECHANISMS if sent(request)]
    if len(mechanisms) > 1:
        raise InvalidRequest(
            "Two ways of authentication at once: send one only.",
            description="Use one way of client authentication only.",
        )
    # A connection may have a certificate whatever the request proves itself by; it is a proof where it is alone.
    read = mechanisms[0] if mechanisms else by_certificate
    return read(request)


def registered(presented: Presented, *, issuer: IssuerSnapshot) -> tuple[Presented, Client | None]:
    """The client that the request names, not yet proven, and the reading that names it; the standard one first."""
    for reading in presented.readings:
        if client := clients.get((issuer.id, reading.client_id)):
            return reading, client
    return presented, None


def authenticate(
    presented: Presented, *, client: Client | None, issuer: IssuerSnapshot, address: str, now: datetime
) -> Proven:
    """What proves the client, within the limit of guesses.

    Raises InvalidClient, TooManyRequests, or TemporarilyUnavailable for a proven client of which something stored
    cannot be read. A client that is not there costs the time of one that is.
    """
    try:
        proven = _proven(presented, client=client, issuer=issuer, now=now)
    except ProvenButRefused as refusal:
        if refusal.proven.is_guessable:
            refuse_lucky_guess(presented, issuer=issuer, address=address)
        raise
    except InvalidClient as failure:
        refuse_further_failures(failure, presented, issuer=issuer, address=address)
        raise
    if proven.is_guessable:
        refuse_lucky_guess(presented, issuer=issuer, address=address)
    return proven


def _proven(presented: Presented, *, client: Client | None, issuer: IssuerSnapshot, now: datetime) -> Proven:
    problem = _registration_problem(presented, client, issuer=issuer)
    if client is None or problem:
        proven = presented.equalise_timing(client, issuer=issuer, now=now)
        raise ProvenButRefused(problem, proven) if proven else InvalidClient(problem)
    try:
        proven = presented.proven_for(client, issuer=issuer, now=now)
    except InvalidClient as error:
        error.detail += _misconfigured(client)
        raise
    refuse_misconfigured(client)
    return proven


def refuse_whatever_its_proof(client: Client, *, issuer: IssuerSnapshot) -> None:
    """Raises InvalidClient for a client that no proof helps, TemporarilyUnavailable for one that is misconfigured."""
    if problem := (_why_method_is_off(client, issuer=issuer) if client.is_active else INACTIVE):
        raise InvalidClient(problem)
    refuse_misconfigured(client)


def refuse_misconfigured(client: Client) -> None:
    """Raises TemporarilyUnavailable for a proven client of which something stored cannot be read."""
    if client.faults:
        raise TemporarilyUnavailable(f"The client is proven.{_misconfigured(client)}")


def _misconfigured(client: Client) -> str:
    """For the operator; a stranger is answered as for a client that is not there."""
    faults = "; ".join(client.faults)
    return f" The client is misconfigured: {faults}. Correct it in the console." if faults else ""


def _registration_problem(presented: Presented, client: Client | None, *, issuer: IssuerSnapshot) -> str:
    """Why no proof of this kind counts for the client, whatever it is; empty if it may."""
    if client is None:
        return "No such client at this issuer."
    if not client.is_active:
        return INACTIVE
    method = client.token_endpoint_auth_method
    if method not in presented.methods:
        return f"Registered for {method}, came by {' or '.join(presented.methods)}."
    return _why_method_is_off(client, issuer=issuer)


def _why_method_is_off(client: Client, *, issuer: IssuerSnapshot) -> str:
    """Empty if it is on."""
    method = client.token_endpoint_auth_method
    return (
        "" if method in issuer.token_endpoint_auth_methods else f"The method {method} is off at this issuer."
    )


def _sends_other_scheme(request: TokenRequest) -> bool:
    return bool(request.authorization) and not sends_basic(request)


def _by_other_scheme(request: TokenRequest) -> Presented:
    raise InvalidClient("The Authorization header has another scheme than Basic.")


_MECHANISMS: tuple[tuple[Callable[[TokenRequest], bool], Callable[[TokenRequest], Presented]], ...] = (
    (sends_basic, by_basic),
    (sends_secret, by_post),
    (sends_assertion, by_assertion),
    (_sends_other_scheme, _by_other_scheme),
)
