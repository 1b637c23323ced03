"""manage.py apply -f FILE... [--dry-run]."""

import os
import sys
from argparse import ArgumentParser
from itertools import chain
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, OperationalError, ProgrammingError
from django.utils import timezone

from configuration.applying.apply import apply_files
from configuration.plan import Plan
from configuration.reading.document import MAX_BYTES
from configuration.reading.problems import InvalidConfigurationError
from configuration.reading.sources import SourceFile

STANDARD_INPUT = "-"
UNUSABLE = 2
"""The exit code when the content of the file is not the cause."""


class Command(BaseCommand):
    help = "Bring the configuration to what a file says: all of it, or nothing (docs/configuration.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "-f", "--file", dest="files", action="append", nargs="+", required=True, metavar="FILE",
            help="A YAML or JSON file; - is standard input. Of several, in whatever order, the objects together.",
        )  # fmt: skip
        parser.add_argument("--dry-run", action="store_true", help="Print the plan and change nothing.")

    def handle(self, *, files: list[list[str]], dry_run: bool, **_options: Any) -> None:
        names = list(chain.from_iterable(files))
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise CommandError(f"{twice} is given twice.", returncode=UNUSABLE)
        sources = [_source(name, is_alone=len(names) == 1) for name in names]
        try:
            plan = apply_files(sources, environment=os.environ, dry_run=dry_run, now=timezone.now())
        except InvalidConfigurationError as refusal:
            for line in refusal.lines(names[0]):
                self.stderr.write(line)
            raise SystemExit(1) from refusal
        except IntegrityError as error:
            raise CommandError(
                "Another change came in between. Run apply again.", returncode=UNUSABLE
            ) from error
        except (OperationalError, ProgrammingError) as error:
            message = f"The database cannot be used: {error}. Is it up, and has manage.py migrate been run?"
            raise CommandError(message, returncode=UNUSABLE) from error
        self._tell(plan, dry_run=dry_run)

    def _tell(self, plan: Plan, *, dry_run: bool) -> None:
        for line in plan.lines():
            self.stdout.write(line)
        if dry_run:
            self.stdout.write("dry run: nothing was changed")
            return
        for secret in plan.generated:
            self.stdout.write(f"secret {secret.label} of {secret.client_id}, shown only now: {secret.text}")


def _source(name: str, *, is_alone: bool) -> SourceFile:
    folder = Path() if name == STANDARD_INPUT else Path(name).parent
    return SourceFile(_read(name), folder, name="" if is_alone else name)


def _read(file: str) -> bytes:
    """At most one byte more than a file may have."""
    try:
        if file == STANDARD_INPUT:
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(file).open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.", returncode=UNUSABLE) from error
    except ValueError as error:
        raise CommandError(f"{file} cannot be read: {error}.", returncode=UNUSABLE) from error
