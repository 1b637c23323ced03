"""manage.py maintain: for a timer, or for whoever wants it now."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from upkeep.maintenance import maintain


class Command(BaseCommand):
    help = "Do the chores that are due: note the last use of credentials, clear expired sessions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="Report as one JSON object.")

    def handle(self, *, as_json: bool, **_options: Any) -> None:
        done = maintain(timezone.now())
        if as_json:
            self.stdout.write(json.dumps(asdict(done)))
            return
        self.stdout.write(f"{done.credential_uses} last uses of credentials noted")
        self.stdout.write(f"{done.expired_sessions} expired sessions cleared")
