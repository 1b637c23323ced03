"""What the commands on keys refuse, as one line instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError, ProgrammingError

from issuers.paths import UnknownIssuerError
from keys.encryption import KeyUnreadableError


@contextmanager
def refusals_as_command_errors() -> Iterator[None]:
    """Raises CommandError instead of what the block refuses."""
    try:
        yield
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    except (UnknownIssuerError, KeyUnreadableError) as error:
        raise CommandError(str(error)) from error
    except (OperationalError, InterfaceError, ProgrammingError) as error:
        reason = str(error).partition("\n")[0]
        raise CommandError(
            f"The database failed: {reason}. Is it up, and has manage.py migrate been run?"
        ) from error
