"""manage.py load_demo: for `make serve`, which runs it at every start."""

import shlex
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError
from django.utils import timezone

from configuration.demo import load_demo, values_file
from configuration.first_users import MissingGroupError
from issuers.models import Issuer

DEMO_PATH = "oidc_m2m"


class Command(BaseCommand):
    help = "Load the demo where there is no issuer yet and PUBLIC_URL is loopback; say how to use it."

    def handle(self, **_options: Any) -> None:
        if not settings.PUBLIC_URL_IS_LOOPBACK:
            self.stdout.write(f"No demo: {settings.PUBLIC_URL} is not loopback.")
            return
        try:
            values = load_demo(timezone.now())
        except MissingGroupError as error:
            raise CommandError(str(error)) from error
        except IntegrityError as error:
            raise CommandError("The demo is being loaded by another process.") from error
        self._tell_of_users(values)
        if values_file().exists() and Issuer.objects.filter(path=DEMO_PATH).exists():
            self._tell_how_to_use(f"{settings.PUBLIC_URL}/{DEMO_PATH}")

    def _tell_of_users(self, values: dict[str, str]) -> None:
        self.stdout.write(f"Admin: {settings.PUBLIC_URL}/admin/")
        for name, value in values.items():
            self.stdout.write(f"  {name.lower().replace('_', ' ')}: {value}")
        if values:
            self.stdout.write(f"The generated values are shown only now; they lie in {values_file()}")
        elif values_file().exists():
            self.stdout.write(f"The values that were generated at the first start lie in {values_file()}")
        superuser = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if superuser is None:
            self.stdout.write("There is no superuser. Make one: manage.py createsuperuser")
        elif not values:
            name = shlex.quote(superuser.get_username())
            self.stdout.write(f"Set a new password: manage.py changepassword {name}")

    def _tell_how_to_use(self, issuer: str) -> None:
        lines = [
            f"Discovery: {issuer}/.well-known/openid-configuration",
            "A token for the client with the well-known secret, and one for billing:",
            f'  curl -X POST {settings.PUBLIC_URL}/api/{DEMO_PATH} -d "client_id=app&client_secret=secret"',
            f"  . {shlex.quote(str(values_file()))}",
            f'  curl -u "billing:$BILLING_SECRET" -d grant_type=client_credentials {issuer}/token',
        ]
        for line in lines:
            self.stdout.write(line)
