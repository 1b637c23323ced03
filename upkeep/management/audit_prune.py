"""manage.py audit prune --before DATE [--reason TEXT]."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, OutputWrapper
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from audit.models import Inspection, Tombstone
from audit.pruning import PruningRefusedError, kept_by_a_clock_ahead, prune
from audit.writing.inspections import inspected
from formats.masking import cleaned
from issuers.versioning.history import current_actor
from keys.record_key import NoRecordKeyError, record_key, signed_statement, statement_reader
from upkeep.management.days import instant_of

HELP = "Delete the sealed rows of token requests before a day, oldest first, under a signed tombstone."
MAX_REASON_LENGTH = 500


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--before",
        type=instant_of,
        metavar="DATE",
        required=True,
        help="Rows of this day (UTC) and later stay.",
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="Why; it is kept with the tombstone.")


def run(*, stdout: OutputWrapper, before: datetime, reason: str, **_streams: OutputWrapper) -> None:
    """Raises CommandError."""
    now = timezone.now()
    if before > now:
        raise CommandError(f"{before.isoformat()} is still to come: name a day that is past.")
    if len(reason) > MAX_REASON_LENGTH:
        raise CommandError(f"The reason has more than {MAX_REASON_LENGTH} characters.")
    try:
        stone, deleted = prune(
            before=before, actor=current_actor(), reason=cleaned(reason), sign=_sign, read=statement_reader()
        )
        line = _in_words(stone, deleted)
        inspected(
            act=Inspection.Act.PRUNE,
            now=timezone.now(),
            rows=deleted,
            event_filter=f"before {before.isoformat()}",
            result=line,
        )
        kept_by = kept_by_a_clock_ahead(before=before, read=statement_reader())
    except (PruningRefusedError, NoRecordKeyError) as error:
        raise CommandError(str(error)) from error
    except (DatabaseError, InterfaceError) as error:
        first_line = str(error).partition("\n")[0]
        raise CommandError(
            f"The database failed: {first_line}. What was begun is completed by the next prune."
        ) from error
    stdout.write(line)
    if kept_by is not None:
        stdout.write(
            f"Older rows stay behind row {kept_by.pk}, whose instant is {kept_by.at.isoformat()}: if a clock ran "
            "ahead, take its finding from manage.py audit verify, run manage.py audit acknowledge with it, then prune "
            "again."
        )


def _sign(claims: dict[str, Any], kind: str) -> tuple[str, str]:
    key = record_key(timezone.now())
    return signed_statement(claims, kind=kind, key=key), key.kid


def _in_words(stone: Tombstone | None, deleted: int) -> str:
    if stone is None:
        return (
            f"{deleted} rows deleted that an earlier prune had left."
            if deleted
            else "There is nothing to prune."
        )
    return f"{deleted} rows deleted: {stone.first_id} to {stone.last_id}, under tombstone {stone.pk}."
