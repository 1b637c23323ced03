"""Sign-ins, failed ones and sign-outs, as operational events. If one cannot be recorded, it does not happen."""

from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.exceptions import ValidationError
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from audit.models import OperationalEvent
from audit.writing.operational_events import record_act
from console.sign_in import failed_sign_ins
from console.sign_in.login import LoginForm
from issuers.versioning.history import Source

WRONG = "Wrong user name or password."
NOT_ALLOWED = "The password is right, but the account may not use the console."


@receiver(user_logged_in)
def signs_in(request: HttpRequest, user: User, **_signal: Any) -> None:
    """Before the session is saved."""
    _record(OperationalEvent.Kind.SIGN_IN, request, actor=user.get_username())


@receiver(user_logged_out)
def signs_out(request: HttpRequest, user: User | None, **_signal: Any) -> None:
    """Before the session is deleted. Without a signed-in user there is nothing to record."""
    if user is not None:
        _record(OperationalEvent.Kind.SIGN_OUT, request, actor=user.get_username())


class RecordedLoginForm(LoginForm):
    request: HttpRequest

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except ValidationError as refusal:
            self._record_failure(self.cleaned_data.get("username", ""), refusal)
            raise

    def _record_failure(self, name: str, refusal: ValidationError) -> None:
        actor, why = name, self._why(refusal)
        if not User.objects.filter(username=name).exists():
            # It may be a password.
            actor = failed_sign_ins.UNKNOWN
            why = f"{why} The name that was tried belongs to no user and has {len(name)} characters."
        record_failure(self.request, actor=actor, why=why)

    def _why(self, refusal: ValidationError) -> str:
        if self.user_cache is not None:
            return NOT_ALLOWED
        return WRONG if getattr(refusal, "code", "") == "invalid_login" else refusal.messages[0]


def record_failure(request: HttpRequest, *, actor: str, why: str) -> None:
    """A row, or one more of a flood that is counted."""
    if not failed_sign_ins.is_counted(_address(request), now=timezone.now()):
        _record(OperationalEvent.Kind.SIGN_IN_FAILED, request, actor=actor, detail=why)


def _record(kind: OperationalEvent.Kind, request: HttpRequest, *, actor: str, detail: str = "") -> None:
    record_act(
        kind,
        now=timezone.now(),
        actor=actor,
        source=Source.ADMIN,
        address=_address(request),
        detail=detail,
    )


def _address(request: HttpRequest) -> str:
    """The caller's, which a trusted proxy may have named (runtime/proxies.py)."""
    return str(request.META.get("REMOTE_ADDR", ""))
