"""manage.py audit export [--format ndjson

csv] [FILTERS] [--output FILE].

Exit status: 0 done, 1 not done or interrupted, 2 wrong arguments.
"""

import ipaddress
import os
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import CommandError
from django.db import Error as DatabaseFailure

from audit.exporting.export import FORMS, NDJSON, Export
from audit.exporting.exported_rows import UnknownColumnsError
from audit.models import Outcome
from audit.reading.filters import EventFilter
from audit.reading.reasons import BY_NAME
from issuers.paths import UnknownIssuerError, issuer_at
from upkeep.management.days import instant_of

HELP = "Export rows of the record: as JSON lines, with the proofs that docs/audit.md verifies, or as CSV."
WRONG_ARGUMENTS = 2


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=FORMS, default=NDJSON, dest="form", help="Default: %(default)s.")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="A new file, for its owner alone; else standard output."
    )
    parser.add_argument(
        "--from", type=instant_of, dest="since", metavar="TIME", help="Such as 2026-07-01, in UTC."
    )
    parser.add_argument("--to", type=instant_of, dest="until", metavar="TIME", help="Not included.")
    parser.add_argument(
        "--issuer", default="", metavar="PATH_OR_URL", help="A URL also finds one that is gone."
    )
    parser.add_argument("--client", default="", metavar="CLIENT_ID")
    parser.add_argument(
        "--api", default="", metavar="IDENTIFIER", help="For which a token was, or was asked for."
    )
    parser.add_argument("--scope", default="", help="One that was granted, or asked for.")
    parser.add_argument("--outcome", default="", choices=Outcome.values)
    parser.add_argument("--error", default="", metavar="CODE", help="Such as invalid_client.")
    parser.add_argument("--reason", default="", choices=BY_NAME, help="What refused the request.")
    parser.add_argument("--credential", default="", help="As the record names it, such as secret:12.")
    parser.add_argument("--kid", default="", help="Of the key that signed.")
    parser.add_argument("--address", type=address, help="From which was asked.")
    parser.add_argument("--exactly", default="", metavar="ID", help="A token ID (jti) or a request ID.")


def run(*, stdout: TextIO, stderr: TextIO, form: str, output: Path | None, **options: Any) -> None:
    """Raises CommandError."""
    event_filter = _event_filter(**options)
    try:
        with _opened(output, stdout) as file, closing(Export(event_filter, form=form)) as export:
            for block in export:
                file.write(block)
                file.flush()
    except BrokenPipeError as error:
        # Python flushes standard output once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
        raise CommandError("Broken off: nobody reads the output any more.") from error
    except UnknownColumnsError as error:
        raise CommandError(f"Not exported: {error}") from error
    except OSError as error:
        raise CommandError(f"Not exported: {error.strerror or error}.") from error
    except DatabaseFailure as error:
        reason = str(error).partition("\n")[0]
        raise CommandError(f"Not exported, the database failed: {reason}.") from error
    stderr.write(f"{export.rows.given} rows exported, {export.rows.sealed} of them sealed.")


def _event_filter(
    *, since: datetime | None, until: datetime | None, issuer: str, **options: Any
) -> EventFilter:
    if since and until and since >= until:
        raise CommandError("Nothing lies between: --from has to be before --to.", returncode=WRONG_ARGUMENTS)
    names = (
        "client",
        "api",
        "scope",
        "outcome",
        "error",
        "reason",
        "credential",
        "kid",
        "address",
        "exactly",
    )
    return EventFilter(
        since=since, until=until, issuer=_issuer_url(issuer), **{name: options[name] or "" for name in names}
    )


def _issuer_url(written: str) -> str:
    if not written or "://" in written:
        return written
    try:
        return issuer_at(written).url
    except UnknownIssuerError as error:
        raise CommandError(
            f"{error} One that is gone is named by its URL.", returncode=WRONG_ARGUMENTS
        ) from error


@contextmanager
def _opened(output: Path | None, stdout: TextIO) -> Iterator[TextIO]:
    """The file is deleted again if the export fails: half a file looks like a whole one."""
    if output is None:
        yield stdout
        return
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise CommandError(f"{output} exists: nothing is overwritten. Name a new file.") from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
    except BaseException:
        output.unlink(missing_ok=True)
        raise


def address(text: str) -> str:
    """As the record writes it."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not an IP address.") from error
    return str(getattr(found, "ipv4_mapped", None) or found)
