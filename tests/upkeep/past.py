"""What has happened before maintenance runs."""

from datetime import datetime, timedelta

from django.utils import timezone

from audit.models import IssuanceEvent, Outcome
from console.models import ConsoleSession
from console.sign_in.session_store import SessionStore


def proved(credential: str, at: datetime) -> None:
    """A row of the record, as the token path leaves it."""
    IssuanceEvent(
        at=at, request_id="-", issuer="-", outcome=Outcome.ISSUED, http_status=200, credential=credential,
        jti="-", kid="-", expires_at=at,
    ).save()  # fmt: skip


def open_session(life: int) -> None:
    """A session of the console that ends in so many seconds."""
    SessionStore().create()
    newest = ConsoleSession.objects.latest("since")
    newest.expire_date = timezone.now() + timedelta(seconds=life)
    newest.save()
