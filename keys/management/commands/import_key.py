"""manage.py import_key ISSUER_PATH ALG FILE: a PKCS#12 or PEM file, passwords from the environment or a prompt."""

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
from keys.importing import ForeignKey, read_pem, read_pkcs12
from keys.rotation import take_over

PASSWORD = "KEY_PASSWORD"  # noqa: S105 - the name of a variable


class Command(BaseCommand):
    help = f"Take over a signing key. Its password is read from {PASSWORD}, or asked for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("issuer_path", help=f"The issuer's path; {ROOT} for the root issuer.")
        parser.add_argument("alg", choices=SigningAlg.values)
        parser.add_argument("file", type=Path, help="PKCS#12, or PEM with the certificates behind the key.")
        parser.add_argument("--kid", default="", help="Keep the kid under which the key was published.")
        parser.add_argument("--alias", default="", help="PKCS#12: the alias that the key must have.")
        parser.add_argument("--no-password", action="store_true", help="PEM: the key is not encrypted.")

    def handle(self, *, issuer_path: str, alg: str, file: Path, kid: str, **options: Any) -> None:
        now = timezone.now()
        try:
            issuer = issuer_at(issuer_path)
            foreign = _read(file, alias=options["alias"], has_password=not options["no_password"])
            key = take_over(foreign, issuer=issuer, alg=alg, kid=kid, now=now)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        except UnknownIssuerError as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        for warning in foreign.warnings(now):
            self.stderr.write(warning)
        self.stdout.write(key.kid)


def _read(file: Path, *, alias: str, has_password: bool) -> ForeignKey:
    data = file.read_bytes()
    password = (os.environ.get(PASSWORD) or getpass.getpass("Password: ")) if has_password else ""
    if b"-----BEGIN" in data:
        return read_pem(data, password=password)
    return read_pkcs12(data, store_password=password, alias=alias)
