"""A run of the maintenance is killed between any two steps, and the next one completes what it left."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from console.models import ConsoleSession
from issuance.models import UsedJti
from issuers.models import ConfigurationRevision
from keys.keyring import KeySnapshot
from keys.lifecycle.rotation import activate_without_waiting, announce_successor
from keys.models import SigningKey
from keys.signing import private_key_of
from relying_parties.models import CredentialUse
from tests.faults.maintainer import maintainers
from tests.support.cast import Cast
from tests.support.database import Baseline, set_back
from tests.upkeep.past import open_session, proved
from upkeep.maintenance import Done, run

LONG_AGO = timedelta(days=93)
"""Longer than a key signs, and than it keeps its private half once it has expired."""
INSTANTS = ("published_at", "activates_at", "retires_at", "expires_at")
FEWEST_STEPS = 20


@dataclass(frozen=True, slots=True)
class Work:
    """An installation where every task has something to do."""

    expired: SigningKey
    due: SigningKey
    revision: int
    changes: int
    """Rows of the keys' history."""

    @classmethod
    def of(cls, cast: Cast) -> "Work":
        proved("secret:1", timezone.now())
        open_session(-10)
        UsedJti.objects.create(holder="client:1", jti_digest="0" * 64, expires_at=timezone.now() - LONG_AGO)
        due = announce_successor(fresh(cast.other_key), now=timezone.now())
        assert due
        activate_without_waiting(due, now=timezone.now())
        SigningKey.objects.filter(issuer=cast.other).update(**{name: F(name) - LONG_AGO for name in INSTANTS})
        return cls(
            expired=fresh(cast.other_key),
            due=fresh(due),
            revision=ConfigurationRevision.objects.get().number,
            changes=SigningKey.history.count(),
        )

    def check_done(self) -> None:
        """Whole, and once: three changes of keys, each with its history and its revision."""
        successor = SigningKey.objects.get(predecessor=self.due)
        self._check_rotated(successor)
        wiped = fresh(self.expired)
        assert (wiped.encrypted_private_key, wiped.kek_id) == (None, "")
        assert {row.history_type for row in successor.history.all()} == {"+"}
        assert SigningKey.history.count() == self.changes + 3
        assert ConfigurationRevision.objects.get().number == self.revision + 3
        assert CredentialUse.objects.get().credential == "secret:1"
        assert not ConsoleSession.objects.exists()
        assert not UsedJti.objects.exists()
        assert run() == Done()

    def _check_rotated(self, successor: SigningKey) -> None:
        assert private_key_of(KeySnapshot.of(successor))
        due = fresh(self.due)
        assert due.issuer
        assert due.retires_at == successor.activates_at > timezone.now()
        assert due.expires_at == successor.activates_at + timedelta(seconds=due.issuer.retire_period)
        told = due.history.latest()
        assert (told.retires_at, told.expires_at) == (due.retires_at, due.expires_at)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["killed_before", "killed_after"])
def test_what_a_killed_run_left_the_next_one_completes(
    baseline: tuple[Cast, Baseline], db: None, moment: str
) -> None:
    step, answer = 0, None
    with maintainers(1) as [maintainer]:
        while answer is None:
            set_back(baseline[1])
            work = Work.of(baseline[0])
            step += 1
            maintainer.order(**{moment: step})
            answer = maintainer.answer()
            run()
            work.check_done()
    assert step > FEWEST_STEPS
    # No place is named to which checkpoints and notices would be sent (test_off_box.py, test_notices.py).
    nothing: dict[str, object] = {
        "failed": [], "endings": [], "unreadable_chains": [], "sent_checkpoints": 0, "sent_notices": 0,
    }  # fmt: skip
    assert {name: answer.pop(name) for name in nothing} == nothing
    assert all(answer.values())


def fresh(key: SigningKey) -> SigningKey:
    return SigningKey.objects.select_related("issuer", "predecessor").get(pk=key.pk)
