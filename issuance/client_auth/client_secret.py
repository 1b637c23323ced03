"""By a secret: in the Authorization header or in the body (RFC 6749 section 2.3.1)."""

import base64
import binascii
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from audit.credential_name import CredentialKind, CredentialName
from issuance.client_auth.nearly_right import has_surroundings, surroundings, without_surroundings
from issuance.client_auth.proof import Proven
from issuance.wire.errors import InvalidClient, InvalidRequest
from issuance.wire.token_request import TokenRequest, form_decoded
from issuers.directory import IssuerSnapshot
from issuers.models import TokenEndpointAuthMethod
from relying_parties.client import Client
from relying_parties.client_secrets import (
    SecretSnapshot,
    matching,
    presented_of,
    spend_the_time_of_a_match,
)
from relying_parties.secrets.peppers import note_match


@dataclass(frozen=True, slots=True)
class PresentedSecret:
    """`forms` are the readings of the secret, the standard one first. `further` are those of the whole credentials."""

    client_id: str
    method: str
    forms: tuple[str, ...] = field(repr=False)
    further: "tuple[PresentedSecret, ...]" = field(default=(), repr=False)

    @property
    def readings(self) -> "tuple[PresentedSecret, ...]":
        return (self, *self.further)

    @property
    def methods(self) -> tuple[str, ...]:
        return (self.method,)

    @property
    def is_guess(self) -> bool:
        return any(self.forms)

    def proven_for(self, client: Client, *, issuer: IssuerSnapshot, now: datetime) -> Proven:
        secret = self._match(client, forms=self.forms, now=now)
        if secret is None:
            raise InvalidClient(self._why_none_matched(client, now))
        return _proven(client, secret)

    def equalise_timing(
        self, client: Client | None, *, issuer: IssuerSnapshot, now: datetime
    ) -> Proven | None:
        if client is None:
            spend_the_time_of_a_match(forms=self.forms, issuer_id=issuer.id, client_id=self.client_id)
            return None
        secret = self._match(client, forms=self.forms, now=now)
        return _proven(client, secret) if secret else None

    def _match(self, client: Client, *, forms: tuple[str, ...], now: datetime) -> SecretSnapshot | None:
        return matching(
            client.secrets, forms=forms, issuer_id=client.issuer_id, client_id=client.client_id, now=now
        )

    def _why_none_matched(self, client: Client, now: datetime) -> str:
        if not any(self.forms):
            return "The secret is empty."
        if known := self._why_it_ended(client) or self._why_nearly_right(client, now):
            return known
        if none_counts := why_no_secret_counts(client, now):
            return none_counts
        if not all(secret.has_pepper for secret in client.secrets):
            return "SECRET_PEPPERS of this server lacks the pepper of one of the secrets: add it."
        return "The secret is none of those registered."

    def _why_it_ended(self, client: Client) -> str:
        """Empty if it never was one. Asked of a refused secret alone, in memory: the clock tells next to nothing."""
        for secrets, end in ((client.revoked_secrets, "was revoked"), (client.secrets, "has expired")):
            for secret in presented_of(
                secrets, forms=self.forms, issuer_id=client.issuer_id, client_id=client.client_id
            ):
                return f"The secret is secret:{secret.id}, which {end}: replace it where it is still used."
        return ""

    def _why_nearly_right(self, client: Client, now: datetime) -> str:
        """Empty if it is not. More is compared only where something stands around it, whoever the client is."""
        for sent in filter(has_surroundings, self.forms):
            if secret := self._match(client, forms=(without_surroundings(sent),), now=now):
                return f"The secret is secret:{secret.id}, but for {surroundings(sent)}: send it without."
        return ""


def why_no_secret_counts(client: Client, now: datetime) -> str:
    """Why no secret, whichever is sent, proves the client; empty if one would."""
    if not client.secrets:
        return "The client has no secret: generate one."
    live = [secret for secret in client.secrets if secret.is_live(now)]
    if not live:
        return "Every secret of the client has expired: generate a new one."
    if not any(secret.has_pepper for secret in live):
        return "SECRET_PEPPERS of this server lacks the pepper of every secret: add it."
    return ""


def _proven(client: Client, secret: SecretSnapshot) -> Proven:
    note_match(secret.pepper_id)
    name = CredentialName(CredentialKind.SECRET, secret.id)
    return Proven(client=client, credential=str(name), is_guessable=secret.chosen)


def sends_basic(request: TokenRequest) -> bool:
    return request.authorization.partition(" ")[0].lower() == "basic"


def by_basic(request: TokenRequest) -> PresentedSecret:
    """RFC 6749 section 2.3.1, RFC 7617: id and secret form-encoded, joined by a colon, in base64.

    Many clients do not form-encode, so the id may stand as it is, with `+`, `%` and colons: further readings.
    """
    encoded = request.authorization.partition(" ")[2].strip()
    try:
        sent = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidClient("The Basic credentials are not id:secret in UTF-8, in base64.") from error
    if ":" not in sent:
        raise InvalidClient("The Basic credentials have no colon.")
    readings = [reading for reading in _basic_readings(sent) if request.client_id in ("", reading.client_id)]
    if not readings:
        raise InvalidRequest("The body names another client than the Basic credentials.")
    return replace(readings[0], further=tuple(readings[1:])) if readings[1:] else readings[0]


def _basic_readings(sent: str) -> Iterator[PresentedSecret]:
    """Each client id once, the standard reading first. A raw id may hold colons, or the secret behind it."""
    seen = set()
    for client_id, forms in _ids_and_secrets(sent):
        if client_id not in seen:
            seen.add(client_id)
            yield PresentedSecret(
                method=TokenEndpointAuthMethod.CLIENT_SECRET_BASIC, client_id=client_id, forms=forms
            )


def _ids_and_secrets(sent: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    client_id, _, secret = sent.partition(":")
    if ":" not in secret and "%" not in sent and "+" not in sent:
        # All readings are this one.
        yield client_id, (secret,)
        return
    with suppress(InvalidRequest):
        yield form_decoded(client_id.encode()), _readings(secret.encode(), secret)
    yield client_id, (secret,)
    client_id, _, secret = sent.rpartition(":")
    yield client_id, (secret,)


def _readings(encoded: bytes, raw: str) -> tuple[str, ...]:
    """The secret as the standard reads it, then as it stands: many clients do not form-encode."""
    try:
        decoded = form_decoded(encoded)
    except InvalidRequest:
        # As it stands it is no form encoding; the empty reading matches nothing.
        decoded = ""
    return (decoded, raw) if decoded != raw else (raw,)


def sends_secret(request: TokenRequest) -> bool:
    return "client_secret" in request.parameters


def by_post(request: TokenRequest) -> PresentedSecret:
    """RFC 6749 section 2.3.1: both in the body."""
    return PresentedSecret(
        method=TokenEndpointAuthMethod.CLIENT_SECRET_POST,
        client_id=request.client_id,
        forms=(request.one("client_secret"),),
    )
