"""Who is signed in now, and the end of a session before its time."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from audit.models import OperationalEvent
from audit.writing.operational_events import record_act
from console.sign_in.models import ConsoleSession
from console.sign_in.second_factor import is_set_up
from console.sign_in.session_store import SIGNED_IN, digest
from formats.masking import cleaned

MAX_BROWSER = 200
HAS_SECOND_FACTOR = "has_second_factor"
"""Of what a session says of its sign-in."""
OF_A_SIGN_IN = frozenset({"last_login"})
"""Columns of a user whose change ends no session."""

_present: ContextVar[str] = ContextVar("present session", default="")


@contextmanager
def at_work(request: HttpRequest) -> Iterator[None]:
    """Names the session of the request, which survives a change of its own user's password."""
    token = _present.set(digest(request.session.session_key))
    try:
        yield
    finally:
        _present.reset(token)


@receiver(user_logged_in)
def begins(request: HttpRequest, user: User, **_signal: Any) -> None:
    request.session[SIGNED_IN] = {
        "since": timezone.now().isoformat(),
        "public_id": str(uuid4()),
        "address": str(request.META.get("REMOTE_ADDR", ""))[:45],
        HAS_SECOND_FACTOR: is_set_up(user),
        "browser": cleaned(str(request.META.get("HTTP_USER_AGENT", "")))[:MAX_BROWSER],
    }


def note_second_factor(request: HttpRequest, *, has_one: bool) -> None:
    """Of the session that the user is in."""
    request.session[SIGNED_IN] = {**request.session[SIGNED_IN], HAS_SECOND_FACTOR: has_one}


def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether REQUIRE_SECOND_FACTOR keeps its user from all pages but the one that sets one up."""
    signed_in: dict[str, Any] = request.session.get(SIGNED_IN) or {HAS_SECOND_FACTOR: True}
    return settings.REQUIRE_SECOND_FACTOR and not signed_in[HAS_SECOND_FACTOR]


def end_all(user: User, *, why: str) -> None:
    for session in ConsoleSession.objects.filter(user=user).exclude(pk=_present.get()):
        end(session, why=why)


def open_sessions() -> QuerySet[ConsoleSession]:
    """Those with a user that have not run out, the one that was seen last first."""
    running = ConsoleSession.objects.filter(user__isnull=False, expire_date__gt=timezone.now())
    return running.select_related("user").order_by("-last_seen_at", "public_id")


def is_present(session: ConsoleSession) -> bool:
    return session.pk == _present.get()


def end(session: ConsoleSession, *, why: str, address: str = "") -> bool:
    """False if it has ended meanwhile: then nothing is recorded."""
    with transaction.atomic():
        # By its public id: while its key is being replaced it has two rows.
        ended, _ = ConsoleSession.objects.filter(public_id=session.public_id).delete()
        if ended:
            record_act(
                OperationalEvent.Kind.SIGN_OUT,
                now=timezone.now(),
                address=address,
                target=f"user {session.user}",
                detail=f"Ended: {session}. {why}",
            )
    return bool(ended)


@receiver(post_save, sender=User)
def ends_what_is_outdated(
    instance: User, update_fields: Collection[str] | None = None, **_signal: Any
) -> None:
    """With a password, every session ends that was opened by the one before it, but the one that changed it."""
    if update_fields is not None and OF_A_SIGN_IN.issuperset(update_fields):
        return
    for session in ConsoleSession.objects.filter(user=instance).exclude(pk=_present.get()):
        if why := _why_outdated(session, instance):
            end(session, why=why)


def _why_outdated(session: ConsoleSession, user: User) -> str:
    if not (user.is_active and user.is_staff):
        return "The account may not use the console any more."
    if session.get_decoded().get(HASH_SESSION_KEY) != user.get_session_auth_hash():
        return "The password was changed."
    return ""
