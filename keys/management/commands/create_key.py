"""manage.py create_key ISSUER_PATH ALG [--pkcs11 TOKEN], or manage.py create_key --record."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError
from django.utils import timezone

from issuers.models import SigningAlg
from issuers.paths import ROOT, issuer_at
from keys.lifecycle.creation import create_first_key
from keys.management.refusals import refusals_as_command_errors
from keys.models import SigningKey
from keys.pkcs11.uri import Pkcs11Uri
from keys.record_key import make_record_key


class Command(BaseCommand):
    help = "Make the first key of an issuer and algorithm, or of the record; it signs at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("issuer_path", nargs="?", help=f"The issuer's path; {ROOT} for the root issuer.")
        parser.add_argument("alg", nargs="?", choices=SigningAlg.values)
        parser.add_argument(
            "--record",
            action="store_true",
            help="Make the key that seals the record; if it has one, its successor.",
        )
        parser.add_argument(
            "--pkcs11", default="", metavar="URI", help="Make it in this token, such as pkcs11:token=idp"
        )

    def handle(
        self, *, issuer_path: str | None, alg: str | None, record: bool, pkcs11: str, **_options: Any
    ) -> None:
        if record == bool(issuer_path or alg or pkcs11) or (issuer_path and not alg):
            raise CommandError("Name an issuer path and an algorithm, or --record alone.")
        try:
            with refusals_as_command_errors():
                key = (
                    make_record_key(timezone.now())
                    if record
                    else _token_key(issuer_path or ROOT, alg or "", pkcs11)
                )
        except IntegrityError as error:
            raise CommandError("Another such key was made at this moment: nothing was changed.") from error
        self.stdout.write(key.kid)


def _token_key(path: str, alg: str, pkcs11: str) -> SigningKey:
    issuer = issuer_at(path)
    token = _token(pkcs11) if pkcs11 else None
    return create_first_key(issuer=issuer, alg=alg, now=timezone.now(), token=token)


def _token(text: str) -> Pkcs11Uri:
    token = Pkcs11Uri.parse(text)
    if token.names_a_key:
        raise CommandError(
            "Name the token alone: the key's label and id are chosen here. import_key takes a key that is there."
        )
    return token
