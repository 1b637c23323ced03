"""The demo: deploy/demo.yaml and the first users, loaded once into an empty installation on loopback."""

from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from configuration.applying.apply import apply
from configuration.first_users import create_first_users
from configuration.reading.secret_sources import Surroundings
from issuers.models import Issuer
from keys.models import Purpose, SigningKey
from keys.record_key import make_record_key
from runtime.private_file import draft_beside

FILE = Path(__file__).resolve().parent.parent / "deploy" / "demo.yaml"
WELL_KNOWN = {"APP_SECRET": "secret"}
"""A value that everybody knows: the reason why the demo is for loopback only."""


def values_file() -> Path:
    """The file of the generated values, as NAME=value lines for a shell."""
    return Path(settings.VAR_DIR) / "demo.env"


def load_demo(now: datetime) -> dict[str, str]:
    """Load the demo and return the values that were generated, by name; empty if there is, or was, an issuer.

    The values are on disk before they are valid, so that none is lost. Raises MissingGroupError.
    """
    with transaction.atomic():
        if Issuer.objects.exists() or Issuer.history.exists():
            return {}
        surroundings = Surroundings(environment=WELL_KNOWN, folder=FILE.parent)
        plan = apply(FILE.read_bytes(), surroundings=surroundings, dry_run=False, now=now)
        passwords = create_first_users()
        _make_record_key(now)
        values = {f"{name.upper()}_PASSWORD": password for name, password in passwords.items()}
        values |= {f"{secret.client_id.upper()}_SECRET": secret.text for secret in plan.generated}
        _write(values_file(), values)
    return values


def _make_record_key(now: datetime) -> None:
    """Unless one was made before."""
    if not SigningKey.objects.filter(purpose=Purpose.RECORD).exists():
        make_record_key(now)


def _write(path: Path, values: dict[str, str]) -> None:
    """The whole file, or nothing of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft_beside(path, values).replace(path)
