"""manage.py audit verify [--from DATE] [--to DATE] [--checkpoint FILE].

Exit status: 0 nothing was found that is not acknowledged, 1 there are findings, 2 it, or a part of it, could not be
checked.
"""

from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path

from django.core.management.base import CommandError, OutputWrapper
from django.db import DatabaseError, InterfaceError
from django.db.models import Sum
from django.utils import timezone
from tqdm import tqdm

from audit.models import Checkpoint, Inspection
from audit.verification.copies import Copies
from audit.verification.verify import Verification
from audit.writing.inspections import inspected
from keys.record_key import record_jwks, statement_reader
from upkeep.management.days import instant_of

HELP = "Check that every sealed row and every checkpoint is as it was sealed; name what is not."
UNCHECKED = 2
NO_KEY = (
    "Not verified: there are checkpoints, and the public keys of the record are not there. Restore the rows of purpose "
    "record in keys_signingkey from a backup."
)


class FindingsError(CommandError):
    """The record differs from what was sealed."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="since", type=instant_of, metavar="DATE", help="Compare rows from this day on (UTC)."
    )
    parser.add_argument(
        "--to", dest="until", type=instant_of, metavar="DATE", help="Compare rows before this day (UTC)."
    )
    parser.add_argument(
        "--checkpoint", dest="copies", type=Path, metavar="FILE",
        help="Statements of checkpoints that were kept elsewhere, one a line: those here must be the same.",
    )  # fmt: skip


def run(
    *,
    stdout: OutputWrapper,
    stderr: OutputWrapper,
    since: datetime | None,
    until: datetime | None,
    copies: Path | None,
) -> None:
    """Raises FindingsError if there are findings, CommandError if the record could not be checked."""
    try:
        if not record_jwks() and Checkpoint.objects.exists():
            raise CommandError(NO_KEY, returncode=UNCHECKED)
        verification = Verification(
            read=statement_reader(), now=timezone.now(), since=since, until=until, copies=_copies(copies)
        )
        problems = _verify(verification, stdout, stderr)
    except (DatabaseError, InterfaceError) as error:
        reason = str(error).partition("\n")[0]
        raise CommandError(
            f"Not verified, the database failed: {reason}. Is it up, and has manage.py migrate been run?",
            returncode=UNCHECKED,
        ) from error
    if problems:
        raise FindingsError(f"{problems} problems: the record is not as it was sealed.")
    if verification.not_compared:
        raise CommandError("Not all rows could be compared: see above.", returncode=UNCHECKED)


def _copies(path: Path | None) -> Copies:
    if path is None:
        return Copies()
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return Copies.of(file)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=UNCHECKED) from error


def _verify(verification: Verification, stdout: OutputWrapper, stderr: OutputWrapper) -> int:
    """Print the findings, and record that the record was verified; the number of findings."""
    # Copies that are kept elsewhere are removed from the list as they are met.
    found, chosen = 0, _chosen(verification)
    total = Checkpoint.objects.aggregate(rows=Sum("row_count"))["rows"] or 0
    with tqdm(total=total, unit=" rows", file=stderr, disable=None, leave=False) as bar:
        verification.progress = bar.update
        for problem in verification.problems():
            found += 1
            stdout.write(problem.line)
    summary = _summary(verification, found)
    for line in [*verification.acknowledged, *verification.pruned, *verification.not_compared, summary]:
        stdout.write(line)
    inspected(
        act=Inspection.Act.VERIFY,
        now=timezone.now(),
        rows=verification.rows,
        event_filter=chosen,
        result=summary,
    )
    return found


def _chosen(verification: Verification) -> str:
    since, until, kept = verification.since, verification.until, len(verification.copies.digests)
    chosen = [f"from {since.isoformat()}" if since else "", f"to {until.isoformat()}" if until else "",
              f"{kept} statements kept elsewhere" if kept else ""]  # fmt: skip
    return " ".join(filter(None, chosen))


def _summary(verification: Verification, found: int) -> str:
    waiting = f", {verification.waiting} rows wait for the next" if verification.waiting else ""
    result = f"{found} problems" if found else "verified, no differences"
    if verification.not_compared and not found:
        result = "no problem, but not all could be compared"
    elif verification.acknowledged:
        result = f"{result} but {len(verification.acknowledged)} acknowledged findings"
    return f"{verification.rows} rows under {verification.checkpoints} checkpoints{waiting}: {result}."
