"""Who changes the configuration, through which channel, and the history that every change leaves."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

from django.db import models
from django.utils import timezone
from simple_history.models import HistoricalRecords

ROWS_AT_ONCE = 500
"""Written in one query."""


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
    """Every change of the configuration inside is by this actor, from this source."""
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


_waiting: ContextVar[list[models.Model] | None] = ContextVar("waiting_history", default=None)


@contextmanager
def history_together() -> Iterator[None]:
    """The history of the block's changes is written at its end, in a few queries; until then `history` lacks it.

    For changes that are kept or rolled back all together: one that is rolled back alone inside leaves its history.
    """
    token = _waiting.set([])
    try:
        yield
        write_waiting_history()
    finally:
        _waiting.reset(token)


def write_waiting_history() -> None:
    """Before a history row that does not wait, so that they are in the order of the changes."""
    waiting = _waiting.get() or []
    for model, rows in groupby(sorted(waiting, key=_table), key=lambda row: row._meta.model):
        model._default_manager.bulk_create(list(rows), batch_size=ROWS_AT_ONCE)
    waiting.clear()


def _table(row: models.Model) -> str:
    return row._meta.db_table


class _History(HistoricalRecords):
    def create_historical_record(self, instance: Any, history_type: str, using: str | None = None) -> None:
        waiting = _waiting.get()
        if waiting is None:
            super().create_historical_record(instance, history_type, using)  # type: ignore[no-untyped-call]
        else:
            waiting.append(_history_row(self, instance, history_type))


def _history_row(records: Any, instance: Any, history_type: str) -> models.Model:
    columns = [field.attname for field in records.fields_included(instance)]
    row: models.Model = _history_model(instance.__class__)(
        history_date=timezone.now(),
        history_type=history_type,
        history_user=current_actor(),
        history_change_reason=records.get_change_reason_for_object(instance, history_type, None),
        **{name: getattr(instance, name) for name in columns},
    )
    return row


@cache
def _history_model(model: Any) -> Any:
    """Kept: simple_history makes the class of a manager again for each look at it."""
    return model.history.model


def configuration_history(*, excluded_fields: tuple[str, ...] = ()) -> Any:
    """A history whose `history_user` is the actor's name: it outlives the account."""
    return _History(  # type: ignore[no-untyped-call]
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
