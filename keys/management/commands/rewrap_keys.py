"""manage.py rewrap_keys: after a new key-encryption key was put first in KEY_ENCRYPTION_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from keys.lifecycle.rewrapping import rewrap_keys
from keys.management.refusals import refusals_as_command_errors


class Command(BaseCommand):
    help = (
        "Encrypt every private key and second factor under the first of KEY_ENCRYPTION_KEYS; "
        "then the others may be left out."
    )

    def handle(self, **_options: Any) -> None:
        with refusals_as_command_errors():
            done = rewrap_keys()
        for kid in done.moved:
            self.stdout.write(f"{kid} moved")
        if done.problems:
            raise CommandError("\n".join(done.problems))
        if not done.moved:
            self.stdout.write("Everything is under the current key-encryption key.")
