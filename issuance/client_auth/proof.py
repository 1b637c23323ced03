"""What a request brings to prove a client, and what has proved one: the shape that all methods share."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from issuance.replay import SingleUse
from issuers.directory import IssuerSnapshot
from relying_parties.client import Client


@dataclass(frozen=True, slots=True)
class Proven:
    """A client, and what proved it: `secret:17`. `uses` are written with the row of the record, once."""

    client: Client
    credential: str
    uses: tuple[SingleUse, ...] = ()
    is_guessable: bool = False
    """A person chose the secret."""
    token_ends_by: int | None = None
    """Seconds since 1970: when an access token must end at the latest, None if the proof does not limit it."""


class Presented(Protocol):
    """One mechanism of a request, read and not yet believed."""

    @property
    def client_id(self) -> str: ...

    @property
    def readings(self) -> "tuple[Presented, ...]":
        """Itself, as the standard reads it, then other readings of the same bytes."""

    @property
    def methods(self) -> tuple[str, ...]:
        """The registered methods that it may be of."""

    @property
    def is_guess(self) -> bool:
        """Whether it holds a secret, which somebody may be guessing."""

    def proven_for(self, client: Client, *, issuer: IssuerSnapshot, now: datetime) -> Proven:
        """Raises InvalidClient, or TemporarilyUnavailable where nobody can tell now."""

    def equalise_timing(
        self, client: Client | None, *, issuer: IssuerSnapshot, now: datetime
    ) -> Proven | None:
        """Spend the time that a proof would take, where the refusal is decided: it must not tell who is registered.

        Returns what was proven all the same, None if nothing was or if it was not looked at.
        """
