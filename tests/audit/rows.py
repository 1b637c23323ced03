"""Rows of the record, as the token path leaves them, and the checkpoints over them."""

from datetime import datetime

from django.utils import timezone

from audit.models import Checkpoint, IssuanceEvent, Outcome
from audit.sealing.leaves import Leaf, unpacked
from upkeep.sealing import seal

EVENTS = "audit_issuanceevent"


def event(number: int = 0, *, at: datetime | None = None, **values: object) -> IssuanceEvent:
    at = at or timezone.now()
    row = IssuanceEvent(
        **{"at": at, "request_id": f"r{number}", "issuer": "https://idp.example", "outcome": Outcome.ISSUED,
           "http_status": 200, "client_id": "billing", "credential": "secret:1", "audience": "https://api.example",
           "jti": f"j{number}", "kid": "k", "alg": "RS256", "expires_at": at}
        | values
    )  # fmt: skip
    row.save()
    return row


def events(how_many: int) -> list[int]:
    """Their ids."""
    return [event(number).pk for number in range(how_many)]


def sealed_events(how_many: int) -> list[int]:
    """Their ids, once `seal` has sealed them."""
    ids = events(how_many)
    seal(timezone.now())
    return ids


def sealed_leaves(*, table: str = EVENTS) -> list[Leaf]:
    """Those of every checkpoint, in their order."""
    columns = Checkpoint.objects.order_by("number").values_list("leaves", flat=True)
    return [leaf for column in columns for leaf in unpacked(bytes(column)) if leaf.table == table]


def sealed_ids() -> list[int]:
    return [leaf.id for leaf in sealed_leaves()]
