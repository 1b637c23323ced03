"""Who changed an object, when, through which channel, and the values before and after."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import nlargest
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.utils import timezone

from formats.masking import SECRET
from issuers.versioning.history import Source

MAX_CHANGES = 100
MAX_VALUE_LENGTH = 2_000
NOT_TOLD = frozenset({"id", "created", "updated", "client_type", "authorization_grant_type"})
"""Fields that add nothing to the row's own time, or never change."""
NEWEST_FIRST = ("-history_date", "-history_id")
KINDS = {"+": "Created", "~": "Changed", "-": "Deleted"}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """`before` is empty if there was no value."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    at: datetime
    actor: str
    source: str
    kind: str
    what: str
    fields: tuple[FieldChange, ...]
    reason: str = ""
    """As the author of the change gave it."""


def changes_of(row: models.Model, *related: str) -> list[Change]:
    """The newest changes of a row, and of its parts by the named reverse relations, newest first."""
    return changes_in(row.history.all(), *(_belonging(row, name) for name in related))  # type: ignore[attr-defined]


def changes_in(
    *histories: models.QuerySet[Any], until: datetime | None = None, most: int = MAX_CHANGES
) -> list[Change]:
    """The newest changes in these histories, at or before `until`, newest first."""
    if until is not None:
        histories = tuple(history.filter(history_date__lte=until) for history in histories)
    newest = nlargest(
        most,
        (record for history in histories for record in history.order_by(*NEWEST_FIRST)[:most]),
        key=lambda record: (record.history_date, record.history_id),
    )
    return [_change(record) for record in newest]


def changes_since(record: Any) -> list[Change]:
    """What was done to an object after a row of its history, the newest first."""
    later = record.instance_type.history.filter(id=record.id, history_id__gt=record.history_id)
    return [_change(found) for found in later.order_by("-history_id")[:MAX_CHANGES]]


def values_of(record: Any) -> list[FieldChange]:
    """What a row of the history says of its object, empty fields left out."""
    shown = ((field, _shown(record, field)) for field in record.tracked_fields if field.name not in NOT_TOLD)
    return [FieldChange(name=str(field.verbose_name), before="", after=text) for field, text in shown if text]


def _belonging(row: models.Model, name: str) -> models.QuerySet[Any]:
    """The history of related rows, also of deleted ones."""
    relation: Any = row._meta.get_field(name)
    history: models.QuerySet[Any] = relation.related_model.history.filter(**{relation.field.attname: row.pk})
    return history


def _change(record: Any) -> Change:
    return Change(
        at=record.history_date,
        actor=record.history_user_id,
        source=Source(record.source).label,
        kind=KINDS[record.history_type],
        what=f"{record.instance_type._meta.verbose_name} {_name_of(record)}",
        fields=tuple(_fields(record)),
        reason=reason_of(record),
    )


def reason_of(record: Any) -> str:
    """Why a row of the history was made, empty if nobody gave a reason."""
    return _masked(record.history_change_reason or "")


def _name_of(record: Any) -> str:
    try:
        return _masked(str(record.instance))
    except ObjectDoesNotExist:
        # Its name contains the name of another object, which is no longer there.
        return f"{record.id}"


def _fields(record: Any) -> Iterator[FieldChange]:
    previous = record.prev_record if record.history_type == "~" else None
    if record.history_type == "-":
        return
    for field in record.tracked_fields:
        before = _shown(previous, field) if previous else ""
        after = _shown(record, field)
        if before != after and field.name not in NOT_TOLD:
            yield FieldChange(name=str(field.verbose_name), before=before, after=after)


def _shown(record: Any, field: Any) -> str:
    value = getattr(record, field.attname)
    if value is None or value == "":
        return ""
    if isinstance(field, models.ForeignKey):
        related = _rows(field).filter(pk=value).first()
        return str(related) if related else f"{field.verbose_name} {value}, deleted since"
    if isinstance(field, models.JSONField):
        value = json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, dict) and value else None)
    if isinstance(value, datetime):
        value = f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S %Z}"
    return _masked(str(value))[:MAX_VALUE_LENGTH]


def _rows(field: Any) -> models.QuerySet[Any]:
    rows: models.QuerySet[Any] = field.remote_field.model.objects.all()
    return rows


def _masked(text: str) -> str:
    """Generated secrets that someone wrote into a text are masked here too."""
    return SECRET.sub("[secret]", text)
