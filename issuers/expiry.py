"""What expires soon, and the steps of days before it at which a warning is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

STEPS = (1, 7, 14, 30)
"""Days before an expiry at which a warning is due."""
HORIZON = timedelta(days=STEPS[-1])


class Kind(StrEnum):
    CLIENT_SECRET = "client secret"  # noqa: S105 - no secret
    RELYING_PARTY = "client"
    SIGNING_CERTIFICATE = "signing certificate"
    CLIENT_KEY = "client key"
    CLIENT_CERTIFICATE = "client certificate"
    CLIENT_CA_CERTIFICATE = "client CA certificate"


ADVICE = {
    Kind.CLIENT_SECRET: "Rotate it on the client's page or by file: the service is refused from then on.",
    Kind.RELYING_PARTY: "Move its valid_until if the service goes on: it is refused from then on.",
    Kind.SIGNING_CERTIFICATE: "Attach a renewed chain on the key's page, or rotate the key: "
    "who reads x5c may refuse its tokens from then on.",
    Kind.CLIENT_KEY: "Register the next key in its client JWKS: what this one signs is refused from then on.",
    Kind.CLIENT_CERTIFICATE: "Register the next certificate in its client JWKS: this one is refused from then on.",
    Kind.CLIENT_CA_CERTIFICATE: "Add the authority's next certificate to the issuer's client CA certificates: "
    "certificates that this one vouches for are refused from then on.",
}
REPLACED = {
    Kind.CLIENT_SECRET: "A younger secret lives longer: see that the service uses that one by then.",
    Kind.CLIENT_KEY: "Another one of its client JWKS lives longer: see that the service signs with that one by then.",
    Kind.CLIENT_CERTIFICATE: "Another one of its client JWKS lives longer: see that the service uses that one by then.",
    Kind.CLIENT_CA_CERTIFICATE: "Nothing is to be done: a certificate of the same name and key lives longer.",
    Kind.SIGNING_CERTIFICATE: "Nothing is to be done: the key's successor signs before then.",
}


@dataclass(frozen=True, slots=True)
class Expiry:
    """Something that works now and expires within the horizon."""

    kind: Kind
    id: int
    name: str
    issuer: str
    page_id: int
    """The relying party, the signing key or the issuer on whose page it is."""
    at: datetime
    days: int
    """The smallest step that it is within."""
    is_replaced: bool = False
    thumbprint: str = ""
    """Which of several in one row: of a key (RFC 7638), or SHA-256 of a certificate, in base64url."""

    @property
    def advice(self) -> str:
        return REPLACED[self.kind] if self.is_replaced else ADVICE[self.kind]

    def __str__(self) -> str:
        within = "1 day" if self.days == 1 else f"{self.days} days"
        return (
            f"{self.kind} {self.name} at {self.issuer} ends within {within}, at {self.at:%Y-%m-%d %H:%M} UTC"
        )


def step_of(at: datetime, *, now: datetime) -> int | None:
    """The smallest step, in days, that the expiry is within; None if it is further away, or past."""
    if at <= now:
        return None
    return next((days for days in STEPS if at - now <= timedelta(days=days)), None)
