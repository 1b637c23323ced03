"""The maintenance of a running installation: each task may run at any time, in several processes at once, and be killed
at any point.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module

from django.conf import settings
from django.utils import timezone

from issuance.replay import forget_expired
from issuers.expiry import Expiry
from keys.expiry import unreadable_chains
from keys.lifecycle.due import newest_keys, overdue_keys, successor_is_due
from keys.lifecycle.rotation import announce_successor
from keys.lifecycle.wiping import wipe_expired_private_keys
from keys.models import SigningKey
from upkeep.attempts import Attempts, Failure
from upkeep.credential_uses import note_credential_uses
from upkeep.expiry import warn_of_expiry
from upkeep.models import take_turn
from upkeep.notices.sending import send_notices
from upkeep.off_box import destinations
from upkeep.sealing import seal

ALWAYS = timedelta(0)


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did."""

    credential_uses: int = 0
    expired_sessions: int = 0
    forgotten_uses: int = 0
    """Uses of assertions and DPoP proofs that are too old to be accepted anyway."""
    announced_keys: tuple[str, ...] = ()
    """The keys that were made as successors, by kid."""
    overdue_keys: tuple[str, ...] = ()
    """The keys that were found to sign for longer than their rotation period, by kid; they go on."""
    unreadable_chains: tuple[str, ...] = ()
    """The keys whose certificate chains cannot be read, by kid; they sign, and the JWKS has them without a chain."""
    wiped_keys: tuple[str, ...] = ()
    """The keys whose private halves were forgotten, by kid."""
    endings: tuple[Expiry, ...] = ()
    """What expires within 30 days, the earliest first."""
    sent_notices: int = 0
    """Mails and posts to the owners of clients."""
    sealed_rows: int = 0
    sent_checkpoints: int = 0
    """Statements that were written or posted to a destination outside."""
    failed: tuple[Failure, ...] = ()


def run(*, every: timedelta = ALWAYS) -> Done:
    """Run the tasks now, or do nothing if a process began them within `every`. Raises nothing: see `failed`."""
    now = timezone.now()
    attempts = Attempts(now)
    is_ours = attempts.of("begin", partial(take_turn, every=every), otherwise=False)
    done = maintain(now) if is_ours else Done()
    return replace(done, failed=done.failed + attempts.failed)


def maintain(now: datetime) -> Done:
    """Each task, whether or not the one before it failed."""
    attempts = Attempts(now)
    nothing: tuple[Expiry, ...] = ()
    endings = attempts.of("look for what expires soon", warn_of_expiry, otherwise=nothing)
    done = Done(
        credential_uses=attempts.of("note the last uses of credentials", note_credential_uses, otherwise=0),
        expired_sessions=attempts.of("clear expired sessions", clear_expired_sessions, otherwise=0),
        forgotten_uses=attempts.of("forget used assertions", forget_expired, otherwise=0),
        overdue_keys=attempts.of("look for overdue keys", find_overdue_keys, otherwise=()),
        announced_keys=announce_due_successors(attempts),
        wiped_keys=attempts.of("wipe expired private keys", wipe_expired_keys, otherwise=()),
        unreadable_chains=attempts.of("read certificate chains", find_unreadable_chains, otherwise=()),
        endings=endings,
        sent_notices=attempts.of(
            "send notices to owners", partial(send_notices, endings=endings), otherwise=0
        ),
        # The last: a backlog may take long, and is sealed checkpoint by checkpoint.
        sealed_rows=attempts.of("seal the record", seal, otherwise=0),
        sent_checkpoints=send_checkpoints(attempts),
    )
    return replace(done, failed=attempts.failed)


def send_checkpoints(attempts: Attempts) -> int:
    """To each destination on its own: while one is away, the others still get their statements."""
    return sum(
        attempts.of(f"send checkpoints to {destination.setting}", destination.send, otherwise=0)
        for destination in destinations()
    )


def find_overdue_keys(now: datetime) -> tuple[str, ...]:
    return tuple(key.kid for key in overdue_keys(now))


def find_unreadable_chains(now: datetime) -> tuple[str, ...]:
    return tuple(key.kid for key in unreadable_chains(now))


def announce_due_successors(attempts: Attempts) -> tuple[str, ...]:
    """Make the successors whose announcement is due, each on its own; of many runs at once, one makes each."""
    none: tuple[SigningKey, ...] = ()
    due = attempts.of("look for keys that need a successor", due_keys, otherwise=none)
    made = [
        attempts.of(
            f"announce the successor of key {key.kid}", partial(announce, key, attempts), otherwise=None
        )
        for key in due
    ]
    return tuple(key.kid for key in made if key is not None)


def due_keys(now: datetime) -> tuple[SigningKey, ...]:
    return tuple(key for key in newest_keys() if successor_is_due(key, now=now))


def announce(key: SigningKey, attempts: Attempts, _begun: datetime) -> SigningKey | None:
    """Published from now on, not since the run began: those before it may have taken long to make."""
    return announce_successor(key, now=attempts.now, on_schedule=True)


def wipe_expired_keys(now: datetime) -> tuple[str, ...]:
    return tuple(key.kid for key in wipe_expired_private_keys(now=now))


def clear_expired_sessions(now: datetime) -> int:
    """Delete the console's sessions that have ended; their number."""
    sessions = import_module(settings.SESSION_ENGINE).SessionStore.get_model_class()
    deleted, _ = sessions.objects.filter(expire_date__lt=now).delete()
    return int(deleted)
