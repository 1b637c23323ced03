"""When credentials last proved their clients, as pages show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from relying_parties.models import CredentialUse


@dataclass(frozen=True, slots=True)
class LastUse:
    last_used_at: datetime | None
    is_never_used: bool
    """False also while the record has not been read far enough to know."""


def last_uses(made: Mapping[str, datetime | None]) -> dict[str, LastUse]:
    """By the credential; `made` says since when each can have been used, None if that is not known."""
    known = dict(
        CredentialUse.objects.filter(credential__in=list(made)).values_list("credential", "last_used_at")
    )
    # The record was read at least up to the newest use of any credential.
    read_until = CredentialUse.objects.aggregate(newest=Max("last_used_at"))["newest"]
    return {
        credential: LastUse(
            last_used_at=known.get(credential),
            is_never_used=credential not in known and bool(since and read_until and read_until > since),
        )
        for credential, since in made.items()
    }
