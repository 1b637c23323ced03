"""manage.py audit export: what is done with the record itself."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from upkeep.management import audit_export

ACTS = {"export": audit_export}


class Command(BaseCommand):
    help = "Export the record."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        for name, act in ACTS.items():
            act.add_arguments(acts.add_parser(name, help=act.HELP, description=act.HELP))

    def handle(self, *, act: str, **options: Any) -> None:
        ACTS[act].run(stdout=self.stdout, stderr=self.stderr, **options)
