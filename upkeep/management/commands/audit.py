"""manage.py audit: what is done with the record itself, each act in a module of its own."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from upkeep.management import audit_export, audit_install_triggers, audit_prune, audit_verify

ACTS = {
    "verify": audit_verify,
    "export": audit_export,
    "prune": audit_prune,
    "install-triggers": audit_install_triggers,
}
OWN_OPTIONS = {"settings", "pythonpath", "verbosity", "traceback", "no_color", "force_color", "skip_checks"}
"""What Django gives to every command."""


class Command(BaseCommand):
    help = "Verify, export or prune the record, or install its triggers again."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        for name, act in ACTS.items():
            act.add_arguments(acts.add_parser(name, help=act.HELP, description=act.HELP))

    def handle(self, *, act: str, **options: Any) -> None:
        chosen = {name: value for name, value in options.items() if name not in OWN_OPTIONS}
        ACTS[act].run(stdout=self.stdout, stderr=self.stderr, **chosen)
