"""The console's login: a password is costly to check, so nobody may guess without end or fill the cores."""

from hashlib import sha256
from threading import Lock
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError

from issuance.windows import Window

MOST_FAILURES = 10
"""From one address for one user name, within the window."""
FAILURES = Window("login-failures", seconds=300, most_keys=10_000)

_checking = Lock()


class LoginForm(AdminAuthenticationForm):
    """In each process one password is checked at a time; token requests keep the rest."""

    def clean(self) -> dict[str, Any]:
        if FAILURES.wait(self._who, limit=MOST_FAILURES):
            raise ValidationError("Too many failed logins. Wait five minutes, then try again.")
        if not _checking.acquire(timeout=1):
            raise ValidationError("Another login is being checked. Try again.")
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            FAILURES.take(self._who, limit=MOST_FAILURES)
            raise
        finally:
            _checking.release()
        FAILURES.forget(self._who)
        return cleaned

    @property
    def _who(self) -> str:
        """This address and user name, hashed: the name is any text of any length."""
        name = self.cleaned_data.get("username", "")
        address = self.request.META["REMOTE_ADDR"] if self.request else ""
        return sha256(f"{address} {name}".encode()).hexdigest()
