"""The console's login: a password is costly to check, so nobody may guess without end or fill the cores."""

from hashlib import sha256
from threading import Lock
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.cache import cache
from django.core.exceptions import ValidationError

MOST_FAILURES = 10
"""From one address for one user name, within the window."""
WINDOW = 300
"""Seconds."""

_checking = Lock()


class LoginForm(AdminAuthenticationForm):
    """In each process one password is checked at a time; token requests keep the rest."""

    def clean(self) -> dict[str, Any]:
        if int(cache.get(self._failures, 0)) >= MOST_FAILURES:
            raise ValidationError("Too many failed logins. Wait five minutes, then try again.")
        if not _checking.acquire(timeout=1):
            raise ValidationError("Another login is being checked. Try again.")
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            cache.set(self._failures, int(cache.get(self._failures, 0)) + 1, WINDOW)
            raise
        finally:
            _checking.release()
        cache.delete(self._failures)
        return cleaned

    @property
    def _failures(self) -> str:
        """The cache's key for the failures of this address and user name."""
        # Hashed: a cache takes no key of any text.
        name = sha256(self.cleaned_data.get("username", "").encode()).hexdigest()
        address = self.request.META["REMOTE_ADDR"] if self.request else ""
        return f"login-failures:{address}:{name}"
