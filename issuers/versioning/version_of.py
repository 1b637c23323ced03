"""Which version of an object a change was made from, so that no change undoes what another one did meanwhile.

A version names the newest row of the object's history, and of the histories of the parts that are changed together
with it, each with the number of rows: "412.3" or "412.3-88.2-0.0". It changes whenever the object or a part does.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Count, Max

MARK = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")


class StaleVersionError(Exception):
    """The object is no longer of the version that a change was made from, or the change names none."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far one history goes. Of two changes at once the older row can commit last, so rows are counted too."""

    newest: int
    rows: int


@dataclass(frozen=True, slots=True)
class Version:
    """A mark for the object, and one for each kind of part."""

    marks: tuple[Mark, ...]

    def __str__(self) -> str:
        return "-".join(f"{mark.newest}.{mark.rows}" for mark in self.marks)


def read_version(text: str) -> Version | None:
    """None for what is no version."""
    found = [MARK.fullmatch(part) for part in text.split("-")]
    if not all(found):
        return None
    return Version(tuple(Mark(newest=int(mark[1]), rows=int(mark[2])) for mark in found if mark))


def version_of(model: type[models.Model], pk: int, *parts: str) -> Version:
    """The version of the object now; `parts` are reverse relations.

    Whoever shows the object asks before reading it: what changes in between is then newer than the version.
    """
    return Version(tuple(_mark(history) for history in histories(model, pk, *parts)))


def require_version(model: type[models.Model], pk: int, seen: Version | None, *parts: str) -> None:
    """Raise StaleVersionError unless the object is of the version that was seen.

    Call it inside the transaction of the change, first. The object's row is locked, as every channel locks it before
    it changes a part, so of two changes that were made from one version the second is refused. The lock of the revision
    comes later in every channel: taken first, two changes could wait for each other. SQLite has one writer anyway.
    """
    list(model._default_manager.select_for_update(of=("self",), no_key=True).filter(pk=pk))
    if seen != version_of(model, pk, *parts):
        raise StaleVersionError


def require_fields(
    model: type[models.Model], pk: int, seen: Version | None, fields: Iterable[str], *parts: str
) -> None:
    """As `require_version`, for a change of these fields and parts: of the object's other fields each may differ."""
    try:
        require_version(model, pk, seen, *parts)
    except StaleVersionError:
        now = version_of(model, pk, *parts)
        if (
            seen is None
            or seen.marks[1:] != now.marks[1:]
            or not _are_as_seen(model, pk, seen.marks[0], fields)
        ):
            raise


def _are_as_seen(model: type[models.Model], pk: int, mark: Mark, fields: Iterable[str]) -> bool:
    """Whether the fields have the values that the object's history has at the mark, which it must know."""
    until = _until(_history(model, id=pk), mark)
    then, now = until.last(), model._default_manager.filter(pk=pk).first()
    if then is None or now is None or then.history_id != mark.newest or until.count() != mark.rows:
        return False
    columns = [model._meta.get_field(name).attname for name in fields]  # type: ignore[union-attr]
    return all(getattr(then, column) == getattr(now, column) for column in columns)


def histories(model: type[models.Model], pk: int, *parts: str) -> list[models.QuerySet[Any]]:
    """The history of the object, then those of its parts, deleted ones too."""
    return [_history(model, id=pk), *(_history_of_part(model, pk, name) for name in parts)]


def rows_then(history: models.QuerySet[Any], mark: Mark) -> dict[int, models.Model]:
    """The objects of a history, by primary key, as they were at its mark."""
    newest: dict[int, Any] = {row.id: row for row in _until(history, mark)}
    return {pk: row.instance for pk, row in newest.items() if row.history_type != "-"}


def rows_since(history: models.QuerySet[Any], mark: Mark) -> models.QuerySet[Any]:
    return history.filter(history_id__gt=mark.newest)


def parts_of(model: type[models.Model], *of: type[models.Model]) -> Sequence[str]:
    """The reverse relations by which objects of these models belong to one of the model."""
    return [relation.name for relation in model._meta.related_objects if relation.related_model in of]


def deleted_with(model: type[models.Model]) -> Sequence[str]:
    """The reverse relations whose objects are deleted with one of the model, and have a history."""
    return [
        relation.name
        for relation in model._meta.related_objects
        if relation.on_delete is models.CASCADE and hasattr(relation.related_model, "history")
    ]


def _mark(history: models.QuerySet[Any]) -> Mark:
    found = history.order_by().aggregate(newest=Max("history_id"), rows=Count("history_id"))
    return Mark(newest=found["newest"] or 0, rows=found["rows"])


def _until(history: models.QuerySet[Any], mark: Mark) -> models.QuerySet[Any]:
    return history.filter(history_id__lte=mark.newest).order_by("history_id")


def _history(model: Any, **of: int) -> models.QuerySet[Any]:
    history: models.QuerySet[Any] = model.history.filter(**of)
    return history


def _history_of_part(model: type[models.Model], pk: int, name: str) -> models.QuerySet[Any]:
    relation: Any = model._meta.get_field(name)
    return _history(relation.related_model, **{relation.field.attname: pk})
