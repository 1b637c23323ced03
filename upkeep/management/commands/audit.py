"""manage.py audit: acts on the record itself, each in a module of its own."""

import sys
import traceback
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from upkeep.management import (
    audit_acknowledge,
    audit_export,
    audit_install_triggers,
    audit_prune,
    audit_verify,
)
from upkeep.management.audit_verify import UNCHECKED, FindingsError

ACTS = {
    "verify": audit_verify,
    "acknowledge": audit_acknowledge,
    "export": audit_export,
    "prune": audit_prune,
    "install-triggers": audit_install_triggers,
}
OWN_OPTIONS = {"settings", "pythonpath", "verbosity", "traceback", "no_color", "force_color", "skip_checks"}
"""Options that Django adds to every command."""


class Command(BaseCommand):
    help = (
        "Verify, export or prune the record, acknowledge a finding, or install the record's triggers again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        for name, act in ACTS.items():
            act.add_arguments(acts.add_parser(name, help=act.HELP, description=act.HELP))

    def execute(self, *arguments: Any, **options: Any) -> Any:
        """For a verification exit status 1 means findings alone: any other failure is one line, with 2."""
        try:
            return super().execute(*arguments, **options)
        except (FindingsError, BrokenPipeError):
            raise
        except (Exception, KeyboardInterrupt) as error:
            if options["act"] != "verify":
                raise
            if options.get("traceback"):
                traceback.print_exception(error)
                sys.exit(UNCHECKED)
            raise CommandError(_why_unchecked(error), returncode=UNCHECKED) from error

    def handle(self, *, act: str, **options: Any) -> None:
        chosen = {name: value for name, value in options.items() if name not in OWN_OPTIONS}
        ACTS[act].run(stdout=self.stdout, stderr=self.stderr, **chosen)


def _why_unchecked(error: BaseException) -> str:
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "Not verified: it was interrupted."
    first_line = str(error).partition("\n")[0]
    return f"Not verified: {type(error).__name__}: {first_line} Run it with --traceback to see where."
