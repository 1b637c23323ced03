"""Everything that ends soon, and without which tokens are refused."""

from datetime import datetime

from issuers.expiry import Expiry
from keys import expiry as keys
from relying_parties import expiry as relying_parties


def endings(now: datetime) -> tuple[Expiry, ...]:
    """What ends first, first."""
    found = (*relying_parties.endings(now), *keys.endings(now))
    return tuple(sorted(found, key=lambda ending: (ending.at, ending.kind, ending.id)))
