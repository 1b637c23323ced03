"""What has happened before maintenance runs."""

from datetime import datetime
from importlib import import_module

from django.conf import settings

from audit.models import IssuanceEvent, Outcome


def proved(credential: str, at: datetime) -> None:
    """A row of the record, as the token path leaves it."""
    IssuanceEvent(
        at=at, request_id="-", issuer="-", outcome=Outcome.ISSUED, http_status=200, credential=credential,
        jti="-", kid="-", expires_at=at,
    ).save()  # fmt: skip


def open_session(life: int) -> None:
    """A session of the console that ends in so many seconds."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session.set_expiry(life)
    session.save()
