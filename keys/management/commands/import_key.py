"""manage.py import_key ISSUER_PATH ALG FILE: a PKCS#12 or PEM file, passwords from the environment or a prompt.

manage.py import_key ISSUER_PATH ALG --pkcs11 URI: a key that stays in its token.
"""

import getpass
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from issuers.models import SigningAlg
from issuers.paths import ROOT, UnknownIssuerError, issuer_at
from keys.encryption import KeyUnreadableError
from keys.importing import ForeignKey, read_pem, read_pkcs12, read_token
from keys.pkcs11_uri import Pkcs11Uri
from keys.rotation import take_over

LONGEST_FILE = 64 * 1024
PASSWORD = "KEY_PASSWORD"  # noqa: S105 - the name of a variable


class Command(BaseCommand):
    help = f"Take over a signing key. Its password is read from {PASSWORD}, or asked for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("issuer_path", help=f"The issuer's path; {ROOT} for the root issuer.")
        parser.add_argument("alg", choices=SigningAlg.values)
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument(
            "file", type=Path, nargs="?", help="PKCS#12, or PEM with the certificates behind the key."
        )
        source.add_argument(
            "--pkcs11", default="", metavar="URI", help="The private key in its token (RFC 7512)."
        )
        parser.add_argument("--kid", default="", help="Keep the kid under which the key was published.")
        parser.add_argument("--alias", default="", help="PKCS#12: the alias that the key must have.")
        parser.add_argument("--no-password", action="store_true", help="PEM: the key is not encrypted.")

    def handle(self, *, issuer_path: str, alg: str, kid: str, **options: Any) -> None:
        now = timezone.now()
        try:
            issuer = issuer_at(issuer_path)
            foreign = _read(**options)
            key = take_over(foreign, issuer=issuer, alg=alg, kid=kid, now=now)
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        except (UnknownIssuerError, KeyUnreadableError) as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        for warning in foreign.warnings(now):
            self.stderr.write(warning)
        self.stdout.write(key.kid)


def _read(*, file: Path, pkcs11: str, alias: str, no_password: bool, **_options: Any) -> ForeignKey:
    if pkcs11:
        return read_token(Pkcs11Uri.parse(pkcs11))
    data = _bytes_of(file)
    password = "" if no_password else os.environ.get(PASSWORD) or getpass.getpass("Password: ")
    if b"-----BEGIN" in data:
        return read_pem(data, password=password)
    return read_pkcs12(data, store_password=password, alias=alias)


def _bytes_of(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(LONGEST_FILE + 1)
    if len(data) > LONGEST_FILE:
        raise CommandError(f"{path} is longer than {LONGEST_FILE} bytes: it is no key file.")
    return data
