"""manage.py revoke_key ISSUER_PATH KID: for an emergency, and for a key whose token is lost."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from issuers.paths import ROOT, issuer_at
from keys.lifecycle.revocation import revoke
from keys.lifecycle.succession import successor_of
from keys.management.refusals import refusals_as_command_errors
from keys.models import SigningKey


class Command(BaseCommand):
    help = "End a key now: its tokens stop to verify, and the key that signs instead is printed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("issuer_path", help=f"The issuer's path; {ROOT} for the root issuer.")
        parser.add_argument("kid")
        parser.add_argument(
            "--leave-token",
            action="store_true",
            help="Make the replacement here, not in the token of the key.",
        )

    def handle(self, *, issuer_path: str, kid: str, leave_token: bool, **_options: Any) -> None:
        with refusals_as_command_errors():
            key = _key(issuer_path, kid)
            successor = revoke(key, now=timezone.now(), leave_token=leave_token) or successor_of(key)
        self.stdout.write(successor.kid if successor else "")


def _key(issuer_path: str, kid: str) -> SigningKey:
    issuer = issuer_at(issuer_path)
    keys = SigningKey.objects.select_related("issuer", "predecessor").filter(issuer=issuer)
    key = keys.filter(kid=kid).first()
    if key is None:
        known = ", ".join(keys.filter(revoked_at__isnull=True).values_list("kid", flat=True)) or "none"
        raise CommandError(f"{issuer_path} has no key {kid}. It has: {known}.")
    return key
