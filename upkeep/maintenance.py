"""The chores of a running installation: each may run at any time, by many at once, and be killed anywhere."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Max

from audit.models import IssuanceEvent, Outcome
from keys.rotation import (
    announce_successor,
    is_overdue,
    newest_keys,
    successor_is_due,
    wipe_expired_private_keys,
)
from relying_parties.models import CredentialUse

LATEST_COMMIT = timedelta(minutes=5)
"""A request's row may be committed this long after its instant, so that much of the record is read again."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did."""

    credential_uses: int
    expired_sessions: int
    announced_keys: tuple[str, ...] = ()
    """The keys that were made as successors, by kid."""
    overdue_keys: tuple[str, ...] = ()
    """The keys that have signed for longer than their rotation period, by kid; they go on."""
    wiped_keys: tuple[str, ...] = ()
    """The keys whose private halves were forgotten, by kid."""


def maintain(now: datetime) -> Done:
    return Done(
        credential_uses=note_credential_uses(now),
        expired_sessions=clear_expired_sessions(now),
        announced_keys=announce_due_successors(now),
        overdue_keys=tuple(key.kid for key in newest_keys() if is_overdue(key, now=now)),
        wiped_keys=tuple(key.kid for key in wipe_expired_private_keys(now=now)),
    )


def announce_due_successors(now: datetime) -> tuple[str, ...]:
    """Make the successors whose announcement is due; of many runs at once, one makes each."""
    due = [key for key in newest_keys() if successor_is_due(key, now=now)]
    made = [announce_successor(key, now=now, on_schedule=True) for key in due]
    return tuple(key.kid for key in made if key is not None)


def note_credential_uses(now: datetime) -> int:
    """Write when each credential last proved its client, from the record; the number of instants that moved.

    Only the record since the last use that is known is read. An instant never moves back.
    """
    known = dict(CredentialUse.objects.values_list("credential", "last_used_at"))
    proofs = (
        IssuanceEvent.objects.filter(outcome=Outcome.ISSUED).exclude(credential="").order_by("credential")
    )
    if known:
        # A clock that ran ahead for a while has left an instant ahead of now.
        proofs = proofs.filter(at__gt=min(max(known.values()), now) - LATEST_COMMIT)
    latest = proofs.values_list("credential").annotate(Max("at"))
    return _write({name: at for name, at in latest if name not in known or at > known[name]})


def _write(uses: dict[str, datetime]) -> int:
    """In the order of the names: of two runs one waits for the other, and they never block each other."""
    with transaction.atomic():
        CredentialUse.objects.bulk_create(
            [CredentialUse(credential=name, last_used_at=at) for name, at in sorted(uses.items())],
            ignore_conflicts=True,
        )
        for name, at in sorted(uses.items()):
            CredentialUse.objects.filter(credential=name, last_used_at__lt=at).update(last_used_at=at)
    return len(uses)


def clear_expired_sessions(now: datetime) -> int:
    """Delete the console's sessions that have ended; their number."""
    deleted, _ = Session.objects.filter(expire_date__lt=now).delete()
    return deleted
