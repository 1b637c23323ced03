"""manage.py audit install-triggers."""

from argparse import ArgumentParser

from django.core.management.base import CommandError, OutputWrapper
from django.db import DatabaseError, InterfaceError, ProgrammingError
from django.utils import timezone

from audit.protection.trigger_repair import TriggersRefusedError, install_missing

HELP = "Install the record's triggers that are missing, switched off or altered, and write down which."


def add_arguments(_parser: ArgumentParser) -> None:
    """It has no arguments."""


def run(*, stdout: OutputWrapper, **_streams: OutputWrapper) -> None:
    """Raises CommandError."""
    try:
        lost = install_missing(timezone.now())
    except TriggersRefusedError as error:
        raise CommandError(f"Not installed. {error}") from error
    except ProgrammingError as error:
        raise CommandError(
            f"Not installed: {_first_line(error)}. Only the owner of the tables may: name it in DATABASE_URL."
        ) from error
    except (DatabaseError, InterfaceError) as error:
        raise CommandError(
            f"Not installed, the database failed: {_first_line(error)}. Run it again."
        ) from error
    if not lost:
        stdout.write("All triggers of the record are in place: nothing was changed.")
        return
    for name in lost:
        stdout.write(f"Installed again: {name}")
    stdout.write(
        "It is written down in the record. Rows may have been changed meanwhile: run manage.py audit verify."
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
