"""What can be said of a pasted token: its client, whether it is valid now, and its row of the record."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from audit.models import IssuanceEvent, Outcome
from audit.reading.filters import Search
from audit.reading.pages import page_of
from formats.masking import cleaned, cleaned_json
from issuance.issued_token import IssuedToken
from issuance.signed_jwt import LAST_INSTANT
from relying_parties.models import RelyingParty

MAX_SHOWN = 2_000
MAX_JTI_LENGTH = 64
TAMPERED = (
    "Its jti is that of a token issued here, but this is not that token: it was made up or tampered with."
)
MISSING = (
    "The record holds no row of this token, though the issuer's key signed it. Either its row was pruned, or the key "
    "was used past this server: verify the record, and if nothing was pruned revoke the key."
)
COLUMNS = {
    "iss": "issuer", "client_id": "client_id", "sub": "subject", "aud": "audience", "scope": "scope",
    "exp": "expires_at", "kid": "kid",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """Between the token and its row."""

    claim: str
    token: str
    record: str


@dataclass(frozen=True, slots=True)
class Judgement:
    token: IssuedToken
    relying_party: RelyingParty | None
    changed_since: tuple[str, ...]
    """What happened to the relying party and the issuer; for a verifier the token stays valid."""
    event: IssuanceEvent | None
    differences: tuple[Difference, ...]
    alarm: str
    claims: str
    """Indented JSON, secrets in it masked."""

    @property
    def is_good(self) -> bool:
        return self.token.is_signed and not self.token.problems


def judged(token: IssuedToken, *, now: datetime) -> Judgement:
    relying_party = _relying_party(token)
    events = _events(token)
    differences = tuple(_differences(token, events[-1])) if events else ()
    return Judgement(
        token=token,
        relying_party=relying_party,
        changed_since=tuple(_changed_since(token, relying_party, now)) if token.is_signed else (),
        event=events[0] if events else None,
        differences=differences,
        alarm=_alarm(token, events, differences),
        claims=_shown(token.claims),
    )


def _relying_party(token: IssuedToken) -> RelyingParty | None:
    name = token.text("client_id")
    if token.issuer is None or not name.isprintable():
        return None
    return RelyingParty.objects.filter(issuer=token.issuer, client_id=name).first()


def _events(token: IssuedToken) -> tuple[IssuanceEvent, ...]:
    """Its rows, the newest first: a second one where signing failed."""
    jti = token.text("jti")
    if not jti or len(jti) > MAX_JTI_LENGTH or not jti.isprintable():
        return ()
    found = page_of(Search(name=jti), size=2).events
    return tuple(event for event in found if event.jti == jti)


def _changed_since(token: IssuedToken, relying_party: RelyingParty | None, now: datetime) -> Iterator[str]:
    if token.issuer and not token.issuer.is_active:
        yield "Its issuer is inactive now."
    if relying_party is None:
        yield "Its client was deleted since."
        return
    if not relying_party.is_active:
        yield "Its client is disabled now: it gets no new tokens, but this one lives until it expires."
    if relying_party.valid_until and relying_party.valid_until <= now:
        yield f"Its client was valid until {relying_party.valid_until:%Y-%m-%d %H:%M:%S} UTC."


def _alarm(token: IssuedToken, events: tuple[IssuanceEvent, ...], differences: tuple[Difference, ...]) -> str:
    """Empty if token and record agree, or if nothing can be said."""
    if not token.is_signed:
        return TAMPERED if events else ""
    if not events:
        return MISSING
    if events[0].outcome == Outcome.FAILED:
        return "The record says that signing this token failed, and yet it is signed: find out who made it."
    if differences:
        return (
            "The token does not say what the record says of it: verify the record, and find out who made it."
        )
    return ""


def _differences(token: IssuedToken, event: IssuanceEvent) -> Iterator[Difference]:
    audience = token.claims.get("aud")
    said = {
        "iss": (token.text("iss"), event.issuer),
        "client_id": (token.text("client_id"), event.client_id),
        "sub": (token.text("sub"), event.subject),
        "aud": (
            " ".join(map(str, audience)) if isinstance(audience, list) else str(audience),
            event.audience,
        ),
        "scope": (token.text("scope"), event.scope),
        "exp": (
            _instant(token.claims.get("exp")),
            _instant(event.expires_at and event.expires_at.timestamp()),
        ),
        "kid": (str(token.header.get("kid", "")), event.kid),
    }
    for claim, (here, there) in said.items():
        # A column contains the value cleaned, and cut to its length.
        length = getattr(IssuanceEvent._meta.get_field(COLUMNS[claim]), "max_length", None)
        if cleaned(here)[:length] != there:
            yield Difference(claim=claim, token=cleaned(here)[:MAX_SHOWN], record=there)


def _instant(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LAST_INSTANT
    return f"{datetime.fromtimestamp(int(value), tz=UTC):%Y-%m-%d %H:%M:%S}" if is_number else str(value)


def _shown(members: Mapping[str, Any]) -> str:
    return json.dumps(cleaned_json(members), indent=2)[:MAX_SHOWN]
