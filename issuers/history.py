"""Who changes the configuration, by what door, and the history that every change leaves."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db import models
from simple_history.models import HistoricalRecords


class Source(models.TextChoices):
    ADMIN = "admin", "Admin"
    FILE = "file", "Configuration file"
    API = "api", "Management API"
    COMMAND = "command", "Command"


@dataclass(frozen=True, slots=True)
class Author:
    actor: str
    source: Source


_author: ContextVar[Author | None] = ContextVar("author", default=None)


@contextmanager
def authored(*, actor: str, source: Source) -> Iterator[None]:
    """Every change of the configuration inside is by this actor, through this door."""
    token = _author.set(Author(actor=actor, source=source))
    try:
        yield
    finally:
        _author.reset(token)


def current_actor(**_context: Any) -> str:
    author = _author.get()
    return author.actor if author else _operating_system_user()


def current_source() -> Source:
    author = _author.get()
    return author.source if author else Source.COMMAND


def give_reason(row: models.Model, reason: str) -> None:
    """The history row that the next `save` leaves holds the reason, 100 characters at most."""
    row._change_reason = reason  # type: ignore[attr-defined]  # noqa: SLF001 - the name that simple_history reads


def _operating_system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


class Change(models.Model):
    """What a history row holds beside the changed object's own columns."""

    source = models.CharField(max_length=10, choices=Source.choices, default=current_source)

    class Meta:
        abstract = True


def configuration_history(*, excluded_fields: tuple[str, ...] = ()) -> Any:
    """A history whose `history_user` is the actor's name: it outlives the account."""
    return HistoricalRecords(
        bases=[Change],
        excluded_fields=list(excluded_fields),
        get_user=current_actor,
        history_id_field=models.BigAutoField(),
        history_user_id_field=models.CharField("actor", max_length=150),
        history_user_getter=_actor_of,
        history_user_setter=_set_actor,
    )


def _actor_of(row: Any) -> str:
    actor: str = row.history_user_id
    return actor


def _set_actor(row: Any, actor: str) -> None:
    row.history_user_id = actor
