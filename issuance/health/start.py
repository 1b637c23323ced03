"""What must be mended before the server may start."""

from django.conf import settings
from django.db import InterfaceError, OperationalError

from issuance.health.record import record_problems
from issuance.health.schema import unapplied_migrations
from relying_parties.credentials import secrets_without_pepper


def start_problems() -> list[str]:
    """What must be mended before the server may start, in words that say how; a database that is away is not one."""
    try:
        if unapplied := unapplied_migrations():
            return [f"{unapplied} migrations are not applied: run manage.py migrate."]
        lost = secrets_without_pepper(set(settings.SECRET_PEPPERS))
        return [
            f"SECRET_PEPPERS lacks the pepper of {secret}: put it back." for secret in lost
        ] + record_problems()
    except (OperationalError, InterfaceError):
        return []
