"""Whether the record is intact: how far it is sealed, when all was verified, and where copies of the proofs are."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from audit.models import Inspection, OperationalEvent, Tombstone
from console.integrity.seal_status import MAX_COUNTED, SealStatus, seal_status, sealed_until, unsealed_rows
from upkeep.models import LastRun, VerificationOrder
from upkeep.off_box import destinations

SHOWN_ORDERS = 5
PATIENCE = 3
"""Intervals of maintenance after which an order that still waits is a sign that none runs."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where statements of checkpoints are sent. `number` and `sent_at` are of the newest one; 0: none was sent."""

    setting: str
    number: int
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Integrity:
    seal: SealStatus
    sealed_until: datetime | None
    unsealed: int
    """Counted up to one above MAX_COUNTED."""
    orders: tuple[VerificationOrder, ...]
    """The newest first."""
    maintain_every: int
    """Seconds; 0: the server runs no maintenance."""
    maintained_at: datetime | None
    now: datetime
    destinations: tuple[Destination, ...]
    exported: Inspection | None
    pruned: Tombstone | None
    acknowledged: OperationalEvent | None
    """The newest of each."""
    max_counted: int = MAX_COUNTED

    @property
    def open_order(self) -> VerificationOrder | None:
        return next((order for order in self.orders if order.is_open), None)

    @property
    def outcome(self) -> str:
        """What the last verification in full found, in words."""
        result = self.seal.verified.result if self.seal.verified else ""
        return result.rpartition(": ")[2].removeprefix("verified, ").rstrip(".")

    @property
    def is_verified_now(self) -> bool:
        return self.seal.verified is not None and self.now - self.seal.verified.at < timedelta(minutes=1)

    @property
    def has_differences(self) -> bool:
        return self.outcome.partition(" ")[2].startswith("problems")

    @property
    def is_nobody_at_work(self) -> bool:
        """Whether an order would wait: neither the server nor a command has run maintenance lately."""
        longest = timedelta(seconds=max(self.maintain_every, 60) * PATIENCE)
        return self.maintained_at is None or self.now - self.maintained_at > longest


def integrity(now: datetime) -> Integrity:
    seal = seal_status(now)
    acts = OperationalEvent.objects.filter(kind=OperationalEvent.Kind.FINDING_ACKNOWLEDGED)
    return Integrity(
        seal=seal,
        sealed_until=sealed_until(seal.newest),
        unsealed=unsealed_rows(),
        orders=tuple(VerificationOrder.objects.all()[:SHOWN_ORDERS]),
        maintain_every=settings.ENVIRONMENT.maintain_every,
        maintained_at=LastRun.objects.values_list("started_at", flat=True).first(),
        now=now,
        destinations=tuple(_destinations()),
        exported=Inspection.objects.filter(act=Inspection.Act.EXPORT).order_by("-id").first(),
        pruned=Tombstone.objects.defer("statement").order_by("-id").first(),
        acknowledged=acts.order_by("-id").first(),
    )


def _destinations() -> list[Destination]:
    return [
        Destination(
            setting=destination.setting,
            number=sent.number if (sent := destination.progress) else 0,
            sent_at=sent.sent_at if sent else None,
        )
        for destination in destinations()
    ]
