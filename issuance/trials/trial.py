"""A test token: a real one, which a person gets as a client through the token path's own functions.

The client is taken as proven, whatever its method. Everything else is checked as for a request, and one token of its
quota is spent. The row is committed before the token is signed, marked as a test and with the person's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audit.writing.entry import Entry
from audit.writing.record import NotRecordedError, record
from issuance.client_auth.authenticate import refuse_whatever_its_proof
from issuance.recording import narrative
from issuance.tokens.access_token import token_for
from issuance.tokens.binding import bind_to_nobody
from issuance.tokens.grants import authorize
from issuance.tokens.quota import spend_quota
from issuance.tokens.signing_key import ready_key, signed
from issuance.wire.errors import (
    NotFound,
    NotRecorded,
    OAuthError,
    TemporarilyUnavailable,
    UnauthorizedClient,
)
from issuance.wire.token_request import TokenRequest
from issuers.directory import IssuerSnapshot
from relying_parties.client import Client
from runtime.identifiers import new_jti, new_request_id

MAX_LIFETIME = 60
"""Seconds that a test token lives at most, however long the client's own do."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it: the columns of its row, the row's id if it was committed, and the token if there is one."""

    entry: Entry
    event_id: int | None
    access_token: str = field(default="", repr=False)


def try_client(
    request: TokenRequest,
    *,
    client: Client,
    issuer: IssuerSnapshot,
    actor: str,
    meta: dict[str, Any],
    now: datetime,
) -> Tried:
    """`meta` is the WSGI environment of the person's own request. A refusal is returned, and recorded, too."""
    entry = narrative.opened(meta, issuer=issuer, request_id=new_request_id(), now=now)
    entry.passed("parse", **narrative.asked(request))
    entry.passed("try", **_of_test(client, actor=actor))
    narrative.trace_if_wanted(entry, client=client, request=request, meta=meta)
    try:
        return _issued(request, client=client, issuer=issuer, entry=entry)
    except OAuthError as error:
        return _refused(entry, error)
    except NotRecordedError:
        return Tried(narrative.refused(entry, NotRecorded("The row could not be committed.")), event_id=None)


def _of_test(client: Client, *, actor: str) -> Mapping[str, Any]:
    return {"client_id": client.client_id, "actor": actor, "is_test": True}


def _issued(request: TokenRequest, *, client: Client, issuer: IssuerSnapshot, entry: Entry) -> Tried:
    """Raises OAuthError, NotRecordedError."""
    _refuse_test_tokens(issuer)
    refuse_whatever_its_proof(client, issuer=issuer)

    binding = bind_to_nobody(client=client, issuer=issuer)
    entry.passed("bind", **narrative.bound(binding))

    granted = authorize(
        request,
        client=client,
        issuer=issuer,
        address=entry.columns["ip"],
        now=entry.at,
        ends_by=int(entry.at.timestamp()) + MAX_LIFETIME,
    )
    entry.passed("authorize", scope=granted.scope, audience=" ".join(granted.audience))

    key = ready_key(client=client, issuer=issuer, now=entry.at)
    token = token_for(
        client=client,
        issuer=issuer,
        request=request,
        granted=granted,
        key=key,
        jti=new_jti(),
        now=entry.at,
    ).bound_to(binding.confirmation)
    spend_quota(client)
    entry.passed("claims", **narrative.said(token, client=client))

    event_id = record(narrative.issued(entry, token))
    return Tried(entry, event_id=event_id, access_token=signed(token, key=key))


def _refuse_test_tokens(issuer: IssuerSnapshot) -> None:
    if not issuer.is_active:
        raise NotFound("No active issuer has this path.")
    if not issuer.allows_test_tokens:
        raise UnauthorizedClient("Test tokens are off at this issuer (allows_test_tokens).")


def _refused(entry: Entry, error: OAuthError) -> Tried:
    """With the row that says so, if it can be committed."""
    if entry.is_issued:
        error = TemporarilyUnavailable(f"Signing failed: {error.detail}")
    refused = narrative.refused(entry, error)
    try:
        return Tried(refused, event_id=record(refused))
    except NotRecordedError:
        return Tried(refused, event_id=None)
