"""Whether clients can be proven by their secrets."""

from audit.protection.schema import schema
from relying_parties.secrets.peppers import pepper_problems


def client_secret_problems() -> list[str]:
    """Another process made secrets under an id of SECRET_PEPPERS, with another value than this one has."""
    if schema().unapplied:
        return []  # Of tables that are not there yet nothing can be said.
    return pepper_problems()
