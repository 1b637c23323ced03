"""The keys that may have signed an assertion: registered here, or fetched from where they are published."""

from datetime import datetime

from relying_parties.client_keys import VerificationKey
from relying_parties.federation import Trusted
from relying_parties.registry import Client


def client_signers(client: Client, *, kid: str | None, now: datetime) -> tuple[VerificationKey, ...]:
    """The relying party's own keys."""
    return client.keys


def trusted_signers(trusted: Trusted, *, kid: str | None, now: datetime) -> tuple[VerificationKey, ...]:
    """A trusted issuer's keys."""
    return trusted.keys
