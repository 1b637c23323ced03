"""manage.py apply -f FILE [--dry-run]."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, OperationalError, ProgrammingError
from django.utils import timezone

from configuration.apply import apply
from configuration.document import MAX_BYTES
from configuration.plan import Plan
from configuration.problems import InvalidConfigurationError
from configuration.secret_sources import Surroundings

STANDARD_INPUT = "-"
UNUSABLE = 2
"""The exit code for what is no fault of the file's content."""


class Command(BaseCommand):
    help = "Bring the configuration to what a file says: all of it, or nothing (docs/configuration.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("-f", "--file", required=True, help="A YAML or JSON file; - is standard input.")
        parser.add_argument("--dry-run", action="store_true", help="Print the plan and change nothing.")

    def handle(self, *, file: str, dry_run: bool, **_options: Any) -> None:
        data = _read(file)
        folder = Path() if file == STANDARD_INPUT else Path(file).parent
        surroundings = Surroundings(environment=os.environ, folder=folder)
        try:
            plan = apply(data, surroundings=surroundings, dry_run=dry_run, now=timezone.now())
        except InvalidConfigurationError as refusal:
            for line in refusal.lines(file):
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
