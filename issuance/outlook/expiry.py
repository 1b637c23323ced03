"""Everything that ends soon, and without which tokens are refused."""

from datetime import datetime

from issuers.expiry import Expiry
from keys import expiry as keys
from relying_parties import expiry as relying_parties


def expiries(now: datetime) -> tuple[Expiry, ...]:
    """What ends first, first."""
    found = (*relying_parties.expiries(now), *keys.expiries(now))
    return tuple(sorted(found, key=lambda expiry: (expiry.at, expiry.kind, expiry.id)))
