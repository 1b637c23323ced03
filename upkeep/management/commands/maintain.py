"""manage.py maintain: for a timer, or for whoever wants it now."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from upkeep.maintenance import maintain


class Command(BaseCommand):
    help = "Do the chores that are due: announce keys, wipe old ones, note the last use of credentials, clear sessions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="Report as one JSON object.")

    def handle(self, *, as_json: bool, **_options: Any) -> None:
        done = maintain(timezone.now())
        if as_json:
            self.stdout.write(json.dumps(asdict(done)))
            return
        self.stdout.write(f"{done.credential_uses} last uses of credentials noted")
        self.stdout.write(f"{done.expired_sessions} expired sessions cleared")
        for kid in done.announced_keys:
            self.stdout.write(f"key {kid} announced")
        for kid in done.overdue_keys:
            self.stdout.write(f"key {kid} is overdue: it signs longer than its rotation period")
        for kid in done.wiped_keys:
            self.stdout.write(f"private half of key {kid} wiped")
