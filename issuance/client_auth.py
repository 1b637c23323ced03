"""Who asks: exactly one mechanism, the one that is registered (RFC 6749 section 2.3, RFC 7591 section 2).

Every failure is the same InvalidClient on the wire; its `detail` tells the operator which it was.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from issuance.errors import InvalidClient, InvalidRequest
from issuance.token_request import TokenRequest, form_decoded
from issuers.directory import IssuerSnapshot
from issuers.models import TokenEndpointAuthMethod
from relying_parties.client_secrets import matching, spend_the_time_of_a_match
from relying_parties.registry import Client, clients


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request brought to prove a client. `forms` are the readings of its secret, the standard one first."""

    method: str
    client_id: str
    forms: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proven:
    """A client, and what proved it: `secret:17`."""

    client: Client
    credential: str


def present(request: TokenRequest) -> Presented:
    """Find the one mechanism of a request. Raises InvalidRequest for two, InvalidClient for none."""
    mechanisms = [read for sent, read in _MECHANISMS if sent(request)]
    if len(mechanisms) > 1:
        raise InvalidRequest(
            "Two ways of authentication at once: send one only.",
            description="Use one way of client authentication only.",
        )
    if not mechanisms:
        raise InvalidClient("No authentication was sent.")
    return mechanisms[0](request)


def registered(presented: Presented, *, issuer: IssuerSnapshot) -> Client | None:
    """The client that the request names, not yet proven."""
    return clients.get((issuer.id, presented.client_id))


def prove(presented: Presented, *, client: Client | None, issuer: IssuerSnapshot, now: datetime) -> Proven:
    """Raises InvalidClient. A client that is not there costs the time of one that is."""
    if client is None:
        spend_the_time_of_a_match(forms=presented.forms, issuer_id=issuer.id, client_id=presented.client_id)
        raise InvalidClient("No such client at this issuer.")
    secret = matching(
        client.secrets, forms=presented.forms, issuer_id=client.issuer_id, client_id=client.client_id, now=now
    )
    if not client.is_active:
        raise InvalidClient("The relying party is not active.")
    if presented.method != client.token_endpoint_auth_method:
        raise InvalidClient(
            f"Registered for {client.token_endpoint_auth_method}, came by {presented.method}."
        )
    if presented.method not in issuer.token_endpoint_auth_methods:
        raise InvalidClient(f"The method {presented.method} is off at this issuer.")
    if secret is None:
        raise InvalidClient(_why_no_secret_matched(client, presented, now))
    return Proven(client=client, credential=f"secret:{secret.id}")


def _why_no_secret_matched(client: Client, presented: Presented, now: datetime) -> str:
    if not any(presented.forms):
        return "The secret is empty."
    if not client.secrets:
        return "The relying party has no secret: generate one."
    if not any(secret.is_live(now) for secret in client.secrets):
        return "Every secret of the relying party has expired: generate a new one."
    if not all(secret.has_pepper for secret in client.secrets):
        return "SECRET_PEPPERS of this server lacks the pepper of one of the secrets: add it."
    return "No live secret matches: it is wrong, expired or revoked."


def _by_basic(request: TokenRequest) -> Presented:
    """RFC 6749 section 2.3.1, RFC 7617: id and secret form-encoded, joined by a colon, in base64."""
    encoded = request.authorization.partition(" ")[2].strip()
    try:
        sent = base64.b64decode(encoded, validate=True)
        client_id_bytes, colon, secret_bytes = sent.partition(b":")
        client_id = form_decoded(client_id_bytes)
        raw = secret_bytes.decode()
    except (binascii.Error, ValueError, InvalidRequest) as error:
        raise InvalidClient(
            "The Basic credentials are not id:secret in UTF-8, form-encoded, in base64."
        ) from error
    if not colon:
        raise InvalidClient("The Basic credentials have no colon.")
    if request.client_id and request.client_id != client_id:
        raise InvalidRequest("The body names another client than the Basic credentials.")
    return Presented(
        method=TokenEndpointAuthMethod.CLIENT_SECRET_BASIC,
        client_id=client_id,
        forms=_readings(secret_bytes, raw),
    )


def _readings(encoded: bytes, raw: str) -> tuple[str, ...]:
    """The secret as the standard reads it, then as it stands: many clients do not form-encode."""
    try:
        decoded = form_decoded(encoded)
    except InvalidRequest:
        # As it stands it is no form encoding; the empty reading matches nothing.
        decoded = ""
    return (decoded, raw) if decoded != raw else (raw,)


def _by_post(request: TokenRequest) -> Presented:
    """RFC 6749 section 2.3.1: both in the body."""
    return Presented(
        method=TokenEndpointAuthMethod.CLIENT_SECRET_POST,
        client_id=request.client_id,
        forms=(request.one("client_secret"),),
    )


def _by_assertion(request: TokenRequest) -> Presented:
    raise InvalidClient("Came by a client assertion, which no method of this issuer takes.")


def _by_other_scheme(request: TokenRequest) -> Presented:
    raise InvalidClient("The Authorization header has another scheme than Basic.")


def _sends_basic(request: TokenRequest) -> bool:
    return request.authorization.partition(" ")[0].lower() == "basic"


def _sends_other_scheme(request: TokenRequest) -> bool:
    return bool(request.authorization) and not _sends_basic(request)


def _sends_secret(request: TokenRequest) -> bool:
    return "client_secret" in request.parameters


def _sends_assertion(request: TokenRequest) -> bool:
    return "client_assertion" in request.parameters or "client_assertion_type" in request.parameters


_MECHANISMS: tuple[tuple[Callable[[TokenRequest], bool], Callable[[TokenRequest], Presented]], ...] = (
    (_sends_basic, _by_basic),
    (_sends_secret, _by_post),
    (_sends_assertion, _by_assertion),
    (_sends_other_scheme, _by_other_scheme),
)
