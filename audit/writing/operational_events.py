"""Writing down what was done to the server itself, and telling the event stream of it once it is committed."""

from datetime import datetime
from functools import partial

from django.db import transaction

from audit import ecs
from audit.models import OperationalEvent
from formats.masking import cleaned
from issuers.versioning.history import Source, current_actor, current_source
from runtime.logs.log import write_event

SERVER = "server"
"""The channel of what the server does by itself."""
COMMANDS = frozenset({Source.COMMAND, Source.FILE})
"""Their standard output is the operator's terminal, not the event stream."""


def record_act(  # noqa: PLR0913 - the columns of the row
    kind: OperationalEvent.Kind,
    *,
    now: datetime,
    actor: str | None = None,
    source: str | None = None,
    address: str = "",
    target: str = "",
    detail: str = "",
    statement: str = "",
) -> OperationalEvent:
    """A row; `actor` and `source` are those of this moment unless they are named. Texts are masked and cut.

    In a transaction it commits with what it describes. Raises what the database raises: then the act must not happen.
    """
    row = OperationalEvent.objects.create(
        at=now,
        kind=kind,
        actor=cleaned(current_actor() if actor is None else actor)[:150],
        source=current_source() if source is None else source,
        address=address[:45],
        target=cleaned(target)[:300],
        detail=cleaned(detail)[:4000],
        statement=statement,
    )
    if row.source not in COMMANDS:
        transaction.on_commit(partial(write_event, ecs.of_act(row)))
    return row
