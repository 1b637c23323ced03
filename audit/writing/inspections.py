"""Writing down that somebody read the record out, verified or pruned it."""

from datetime import datetime

from audit.models import Inspection
from formats.masking import cleaned
from issuers.versioning.history import current_actor, current_source


def inspected(
    *, act: Inspection.Act, now: datetime, rows: int, event_filter: str = "", result: str = ""
) -> Inspection:
    """A row by the actor and source of this moment. `event_filter` says which rows were asked for."""
    return Inspection.objects.create(
        at=now,
        actor=current_actor(),
        source=current_source(),
        act=act,
        filter=cleaned(event_filter)[:2000],
        rows=rows,
        result=cleaned(result)[:500],
    )
