"""manage.py import_key ISSUER_PATH ALG FILE: a key file, its password from the environment or a prompt.

manage.py import_key ISSUER_PATH ALG --pkcs11 URI: a key that stays in its token.
"""

import getpass
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from issuers.models import SigningAlg
from issuers.paths import ROOT, issuer_at
from keys.importing.adoption import adopt
from keys.importing.key_files import (
    KEY_FILES,
    MAX_KEY_FILE_LENGTH,
    ForeignKey,
    may_be_encrypted,
    read_key_file,
    read_token,
)
from keys.management.refusals import refusals_as_command_errors
from keys.pkcs11.uri import Pkcs11Uri

PASSWORD = "KEY_PASSWORD"  # noqa: S105 - the name of a variable


class Command(BaseCommand):
    help = f"Take over a signing key. Its password is read from {PASSWORD}, or asked for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("issuer_path", help=f"The issuer's path; {ROOT} for the root issuer.")
        parser.add_argument("alg", choices=SigningAlg.values)
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument(
            "file",
            type=Path,
            nargs="?",
            help=KEY_FILES,
        )
        source.add_argument(
            "--pkcs11", default="", metavar="URI", help="The private key in its token (RFC 7512)."
        )
        parser.add_argument("--kid", default="", help="Keep the kid under which the key was published.")
        parser.add_argument(
            "--alias",
            default="",
            help="PKCS#12: the alias that the key must have. JWK Set: the kid of the key.",
        )
        parser.add_argument("--no-password", action="store_true", help="PEM: the key is not encrypted.")

    def handle(self, *, issuer_path: str, alg: str, kid: str, **options: Any) -> None:
        now = timezone.now()
        with refusals_as_command_errors():
            issuer = issuer_at(issuer_path)
            foreign = _read(**options)
            key = adopt(foreign, issuer=issuer, alg=alg, kid=kid, now=now)
        for warning in foreign.warnings(now):
            self.stderr.write(warning)
        self.stdout.write(key.kid)


def _read(*, file: Path, pkcs11: str, alias: str, no_password: bool, **_options: Any) -> ForeignKey:
    if pkcs11:
        return read_token(Pkcs11Uri.parse(pkcs11))
    data = _bytes_of(file)
    asks = may_be_encrypted(data) and not no_password
    password = (os.environ.get(PASSWORD) or getpass.getpass("Password: ")) if asks else ""
    return read_key_file(data, store_password=password, key_password=password, alias=alias)


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_KEY_FILE_LENGTH + 1)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > MAX_KEY_FILE_LENGTH:
        raise CommandError(f"{path} is longer than {MAX_KEY_FILE_LENGTH} bytes: it is not a key file.")
    return data
