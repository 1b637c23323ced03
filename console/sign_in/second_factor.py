"""The second factor of a local user: the code of an authenticator app, or a recovery code in its place."""

import base64
import secrets
from datetime import datetime
from hashlib import sha256

import pyotp
import segno
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from pyotp.exceptions import OTPVerificationError

from audit.models import OperationalEvent
from audit.writing.operational_events import record_act
from console.sign_in.models import RecoveryCode, SecondFactor

NAME = "m2m-idp"
"""What the app shows beside the user's name."""
SECRET_BYTES = 20
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
CODE_DIGITS = 6
DRIFT = 1
"""Codes before and after the present one that are taken, too: clocks differ."""


class WrongCodeError(Exception):
    """The code is wrong, or was used before."""


def is_set_up(user: User) -> bool:
    return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).exists()


def begin(user: User) -> str:
    """A new secret in base32, which counts once it is confirmed; empty where one counts already."""
    secret = secrets.token_bytes(SECRET_BYTES)
    factor = SecondFactor(user=user)
    factor.hide(secret)
    with transaction.atomic():
        # Of two that begin at once, the second replaces what the first has made.
        list(User.objects.select_for_update(of=("self",), no_key=True).filter(pk=user.pk))
        if is_set_up(user):
            return ""
        SecondFactor.objects.filter(user=user).delete()
        factor.save(force_insert=True)
    return base64.b32encode(secret).decode()


def picture(user: User, secret: str) -> str:
    """A data URI of the QR code that an app reads."""
    uri = pyotp.TOTP(secret).provisioning_uri(name=user.get_username(), issuer_name=NAME)
    return segno.make(uri, micro=False).svg_data_uri(scale=4, light="white", dark="black")


def confirm(user: User, code: str) -> tuple[str, ...]:
    """The recovery codes. Raises WrongCodeError, and KeyUnreadableError."""
    now = timezone.now()
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().filter(user=user, confirmed_at__isnull=True).first()
        if factor is None:
            raise WrongCodeError
        factor.last_step = _step(factor, code, now)
        factor.confirmed_at = now
        factor.save()
        _record(user, "second factor set up")
        return _new_codes(user)


def prove(user: User, code: str) -> None:
    """Use the code up. Raises WrongCodeError, and KeyUnreadableError."""
    typed = "".join(code.split()).replace("-", "").upper()
    with transaction.atomic():
        if len(typed) != CODE_DIGITS:
            _use_recovery_code(user, typed)
            return
        factor = (
            SecondFactor.objects.select_for_update().filter(user=user, confirmed_at__isnull=False).first()
        )
        if factor is None:
            raise WrongCodeError
        step = _step(factor, typed, timezone.now())
        if step <= factor.last_step:
            raise WrongCodeError
        factor.last_step = step
        factor.save(update_fields=["last_step"])


def renew_codes(user: User) -> tuple[str, ...]:
    """New recovery codes; the former ones are good no more."""
    with transaction.atomic():
        _record(user, "recovery codes renewed")
        return _new_codes(user)


def remove(user: User, *, how: str) -> bool:
    """False if there is none that counts. `how` goes into the record."""
    with transaction.atomic():
        removed, _ = SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).delete()
        RecoveryCode.objects.filter(user=user).delete()
        if removed:
            _record(user, f"second factor {how}")
    return bool(removed)


def codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user).count()


def _step(factor: SecondFactor, code: str, now: datetime) -> int:
    totp = pyotp.TOTP(base64.b32encode(factor.secret()).decode())
    try:
        return totp.verify_and_get_timecode("".join(code.split()), for_time=now, valid_window=DRIFT)
    except OTPVerificationError as error:
        raise WrongCodeError from error


def _use_recovery_code(user: User, typed: str) -> None:
    used, _ = RecoveryCode.objects.filter(user=user, digest=_digest(user, typed)).delete()
    if not used:
        raise WrongCodeError
    # Nobody is signed in yet.
    _record(user, f"recovery code used; {codes_left(user)} are left", actor=user.get_username())


def _new_codes(user: User) -> tuple[str, ...]:
    codes = [base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(user, code)) for code in codes)
    return tuple("-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in codes)


def _digest(user: User, code: str) -> str:
    return sha256(f"{user.pk}:{code}".encode()).hexdigest()


def _record(user: User, what: str, *, actor: str | None = None) -> None:
    kind = OperationalEvent.Kind.ACCOUNT_CHANGED
    record_act(kind, now=timezone.now(), actor=actor, target=f"user {user}", detail=what)
