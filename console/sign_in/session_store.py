"""Sessions of the console, stored under a digest of their key: who reads the table can use none of them.

A session ends after SESSION_IDLE without a request, and after SESSION_COOKIE_AGE however busy it is.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

SIGNED_IN = "signed_in"
"""The member of a session that says since when, from where and how its user is signed in."""
SEEN_EVERY = timedelta(minutes=1)
"""Requests within it write nothing: a session may end that much too early, and never too late."""


class SessionStore(DatabaseStore):
    @classmethod
    def get_model_class(cls) -> Any:
        return apps.get_model("console", "ConsoleSession")

    def load(self) -> dict[str, Any]:
        now = timezone.now()
        rows = self.get_model_class().objects
        row = rows.filter(session_key=digest(self.session_key), expire_date__gt=now).first()
        if row is None:
            self._session_key = None
            return {}
        if now - row.last_seen_at >= SEEN_EVERY:
            times = {"last_seen_at": now, "expire_date": ends_at(since=row.since, seen=now)}
            rows.filter(pk=row.pk).update(**times)
        return self.decode(row.session_data)

    def exists(self, session_key: str | None = None) -> bool:
        return super().exists(digest(session_key))

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            super().delete(digest(key))

    def create_model_instance(self, data: Mapping[str, Any]) -> Any:
        now = timezone.now()
        signed_in = data.get(SIGNED_IN, {})
        since = datetime.fromisoformat(signed_in["since"]) if signed_in else now
        row: Any = self.get_model_class()
        return row(
            session_key=digest(self._get_or_create_session_key()),  # type: ignore[attr-defined]
            session_data=self.encode(dict(data)),
            expire_date=ends_at(since=since, seen=now),
            public_id=signed_in.get("public_id", uuid4()),
            user_id=data[SESSION_KEY] if signed_in else None,
            since=since,
            last_seen_at=now,
            address=signed_in.get("address", ""),
            browser=signed_in.get("browser", ""),
        )


def digest(session_key: str | None) -> str:
    """A key has 160 random bits or so: its digest needs no salt."""
    return sha256((session_key or "").encode()).hexdigest()


def ends_at(*, since: datetime, seen: datetime) -> datetime:
    return min(seen + settings.SESSION_IDLE, since + timedelta(seconds=settings.SESSION_COOKIE_AGE))
