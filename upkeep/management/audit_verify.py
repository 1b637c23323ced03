"""manage.py audit verify [--from DATE] [--to DATE] [--checkpoint FILE].

Exit status: 0 nothing was found that is not acknowledged, 1 there are findings, 2 it, or a part of it, could not be
checked.
"""

from argparse import ArgumentParser
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from django.core.management.base import CommandError, OutputWrapper
from django.db import DatabaseError, InterfaceError
from tqdm import tqdm

from audit.verification.copies import Copies
from audit.verification.verify import Verification
from upkeep.management.days import instant_of
from upkeep.models import VerificationOrder
from upkeep.verification_orders import ENDED, LostOrderError, begun_by_command, fail
from upkeep.verification_run import NoKeyError, Progress, carry_out, verification_of

HELP = "Check that every sealed row and every checkpoint is as it was sealed; name what is not."
UNCHECKED = 2


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
    kept = _copies(copies)
    try:
        order = begun_by_command(since=since, until=until)
        verification, problems = _verified(order, kept, stdout, stderr)
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


def _verified(
    order: VerificationOrder, copies: Copies, stdout: OutputWrapper, stderr: OutputWrapper
) -> tuple[Verification, int]:
    """The verification and the number of findings, which are printed. Of one that is broken off the order says so."""
    try:
        verification = verification_of(order)
        verification.copies = copies
        problems = _verify(verification, order, stdout, stderr)
    except NoKeyError as error:
        fail(order, str(error))
        raise CommandError(str(error), returncode=UNCHECKED) from error
    except BaseException:
        # The error that broke it off is the one to report, also where the database is away.
        with suppress(DatabaseError, InterfaceError, LostOrderError):
            fail(order, ENDED)
        raise
    return verification, problems


def _verify(
    verification: Verification, order: VerificationOrder, stdout: OutputWrapper, stderr: OutputWrapper
) -> int:
    note = Progress(order)
    with tqdm(total=order.rows_total, unit=" rows", file=stderr, disable=None, leave=False) as bar:

        def progress(rows: int) -> None:
            bar.update(rows)
            note(rows)

        return carry_out(order, verification, progress=progress, tell=stdout.write)
