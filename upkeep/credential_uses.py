"""When each credential last proved its client: read from the record, and stored for the console."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max

from audit.models import IssuanceEvent, Outcome
from relying_parties.models import CredentialUse

LATEST_COMMIT = timedelta(minutes=5)
"""A request's row may be committed this long after its instant, so that this part of the record is read again."""


def note_credential_uses(now: datetime) -> int:
    """Store when each credential last proved its client, from the record; returns the number of instants that moved.

    Only the record since the last known use is read. An instant never moves back.
    """
    known = dict(CredentialUse.objects.values_list("credential", "last_used_at"))
    proofs = (
        IssuanceEvent.objects.filter(outcome=Outcome.ISSUED).exclude(credential="").order_by("credential")
    )
    if known:
        # A clock that ran ahead for a while has left an instant in the future.
        proofs = proofs.filter(at__gt=min(max(known.values()), now) - LATEST_COMMIT)
    latest = proofs.values_list("credential").annotate(Max("at"))
    uses = {name: at for name, at in latest if name not in known or at > known[name]}
    if uses:
        _write(uses)
    return len(uses)


def _write(uses: dict[str, datetime]) -> None:
    """In the order of the names: of two runs one waits for the other, and they never block each other."""
    with transaction.atomic():
        CredentialUse.objects.bulk_create(
            [CredentialUse(credential=name, last_used_at=at) for name, at in sorted(uses.items())],
            ignore_conflicts=True,
        )
        for name, at in sorted(uses.items()):
            CredentialUse.objects.filter(credential=name, last_used_at__lt=at).update(last_used_at=at)
