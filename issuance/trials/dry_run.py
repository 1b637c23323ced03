"""What would become of a request that somebody has in hand: every check of the token endpoint, and nothing else.

Nothing is signed, recorded or kept, no quota is spent and no JWT counts as used. A secret in it is compared as the
endpoint compares one, and a wrong one counts as a failed guess, of the person instead of a network: who may ask for
dry runs can guess no faster here than a stranger there, and takes nothing from the limit of the services.
"""

from dataclasses import dataclass, field
from datetime import datetime

from audit.models import Outcome
from audit.writing.entry import Entry
from issuance.client_auth.authenticate import authenticate, present, registered
from issuance.discovery.documents import issuer_of
from issuance.outlook.imagined import allowed_address
from issuance.outlook.preview import JTI
from issuance.recording import narrative
from issuance.replay import reject_replayed
from issuance.tokens.access_token import token_for
from issuance.tokens.binding import bind
from issuance.tokens.grants import authorize
from issuance.tokens.quota import refuse_beyond_quota
from issuance.tokens.signing_key import ready_key
from issuance.wire.errors import NotFound, OAuthError
from issuance.wire.token_request import FORM, parse


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A token request as it stands on the wire. `path` is that of the URL, `issuer` the one of the issuer in it."""

    issuer: str
    path: str
    query: str = ""
    content_type: str = FORM
    authorization: str = field(default="", repr=False)
    dpop: str | None = field(default=None, repr=False)
    body: bytes = field(default=b"", repr=False)


def dry_run(sent: SentRequest, *, address: str, person: str, now: datetime) -> Entry:
    """The row that it would leave, without what only a real one has. `address`: from where it would come; empty: from
    one that the client may use.
    """
    entry = Entry(at=now, request_id="", columns={"ip": address})
    try:
        _checked(sent, entry, address=address, person=person)
    except OAuthError as error:
        return narrative.refused(entry, error)
    entry.columns |= {"outcome": Outcome.ISSUED, "http_status": 200}
    return entry


def _checked(sent: SentRequest, entry: Entry, *, address: str, person: str) -> None:
    """In the order of the token endpoint (issuance/views.py). Raises OAuthError."""
    now = entry.at
    issuer = issuer_of(sent.issuer)
    entry.columns["issuer"] = issuer.url
    if not issuer.is_active:
        raise NotFound("No active issuer has this path.")
    request = parse(
        body=sent.body,
        content_type=sent.content_type,
        query=sent.query,
        authorization=sent.authorization,
        dpop=sent.dpop,
    )
    entry.passed("parse", **narrative.asked(request))
    presented, claimed = registered(present(request), issuer=issuer)
    entry.passed("identify", **narrative.identified(presented, claimed))

    proven = authenticate(presented, client=claimed, issuer=issuer, address=f"dry runs of {person}", now=now)
    client = proven.client
    entry.passed("authenticate", credential=proven.credential)
    reject_replayed(proven.uses)

    binding = bind(request, client=client, issuer=issuer, path=sent.path, now=now)
    entry.passed("bind", **narrative.bound(binding))
    reject_replayed(binding.uses)

    granted = authorize(
        request,
        client=client,
        issuer=issuer,
        address=address or allowed_address(client),
        now=now,
        ends_by=proven.token_ends_by,
    )
    entry.passed("authorize", scope=granted.scope, audience=" ".join(granted.audience))
    key = ready_key(client=client, issuer=issuer, now=now)
    token = token_for(
        client=client, issuer=issuer, request=request, granted=granted, key=key, jti=JTI, now=now
    )
    refuse_beyond_quota(client)
    entry.passed("claims", **narrative.said(token.bound_to(binding.confirmation), client=client))
