"""What must be mended before the server may start."""

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from audit.protection.schema import schema
from audit.writing import durability
from issuance.health.record import record_problems
from relying_parties.secrets.credentials import secrets_without_pepper
from relying_parties.secrets.peppers import pepper_problems


def start_problems() -> list[str]:
    """What must be mended before the server may start, in words that say how; a database that is away is not one."""
    if moved := durability.lost_file(connection):
        return [f"{moved} For a new database run manage.py migrate."]
    try:
        found = schema()
        if found.unapplied:
            return found.problems
        lost = secrets_without_pepper(set(settings.SECRET_PEPPERS))
        return [
            *(f"SECRET_PEPPERS lacks the pepper of {secret}: put it back." for secret in lost),
            *pepper_problems(),
            *record_problems(),
        ]
    except (OperationalError, InterfaceError):
        return []


def start_notices() -> list[str]:
    """What does not keep the server from starting, in words that say how it is mended."""
    try:
        return schema().problems
    except (OperationalError, InterfaceError):
        return []
