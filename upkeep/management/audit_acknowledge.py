"""manage.py audit acknowledge FINDING... --reason TEXT."""

from argparse import ArgumentParser

from django.core.management.base import CommandError, OutputWrapper
from django.db import DatabaseError, InterfaceError, transaction
from django.utils import timezone

from audit.problem import Problem
from audit.verification.acknowledgements import MAX_REASON, acknowledge
from audit.verification.verify import Verification
from keys.record_key import NoRecordKeyError, statement_reader, statement_signer

HELP = (
    "State that findings of a verification are known and explained, so that they no longer count as problems."
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "findings", nargs="+", metavar="FINDING", help="As manage.py audit verify prints it, in hexadecimal."
    )
    parser.add_argument("--reason", required=True, metavar="TEXT", help="What explains it; it is kept.")


def run(*, stdout: OutputWrapper, findings: list[str], reason: str, **_streams: OutputWrapper) -> None:
    """All findings or none. Raises CommandError."""
    if not 0 < len(reason.strip()) <= MAX_REASON:
        raise CommandError(f"Give a reason of 1 to {MAX_REASON} characters.")
    try:
        found = _found(set(findings))
        _acknowledge(found, reason.strip())
    except NoRecordKeyError as error:
        raise CommandError(str(error)) from error
    except (DatabaseError, InterfaceError) as error:
        first_line = str(error).partition("\n")[0]
        raise CommandError(f"Nothing was acknowledged, the database failed: {first_line}.") from error
    for problem in found:
        stdout.write(f"Acknowledged: {problem.line}")


def _found(findings: set[str]) -> list[Problem]:
    """What a verification finds now for these. Raises CommandError if one is not found."""
    verification = Verification(read=statement_reader(), now=timezone.now())
    found = [problem for problem in verification.problems() if problem.finding in findings]
    if missing := findings - {problem.finding for problem in found}:
        raise CommandError(
            f"Nothing was acknowledged: a verification does not find {', '.join(sorted(missing))} now, or it is "
            "acknowledged already. Run manage.py audit verify and take the finding from there."
        )
    return found


def _acknowledge(found: list[Problem], reason: str) -> None:
    now = timezone.now()
    sign = statement_signer(now)
    with transaction.atomic():
        for problem in found:
            acknowledge(problem, reason=reason, now=now, sign=sign)
