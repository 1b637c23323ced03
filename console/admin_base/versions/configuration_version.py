"""The version that a form of the configuration was made from, and the changes since: both are in the history."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Model
from django.forms.models import model_to_dict

from console.admin_base.change_history import Change, changes_in
from console.admin_base.versions.merged_form import Before
from issuers.versioning.version_of import Version, histories, read_version, rows_since, rows_then

MAX_LAST = 5
"""Changes that are shown if a form does not say which version it was made from."""


def before(row: Any, seen: str, *parts: str) -> Before | None:
    """The fields of the object and of its parts as they were. None if that is not known."""
    version = _read(seen, parts)
    if version is None:
        return None
    own, *of_parts = (
        {pk: model_to_dict(then) for pk, then in rows_then(history, mark).items()}
        for history, mark in zip(histories(type(row), row.pk, *parts), version.marks, strict=True)
    )
    if row.pk not in own:
        return None
    return Before(fields=own[row.pk], parts=dict(zip(parts, of_parts, strict=True)))


def changes_since(row: Model, seen: str, *parts: str) -> Sequence[Change]:
    """The newest first."""
    version, of = _read(seen, parts), histories(type(row), row.pk, *parts)
    if version is None:
        return changes_in(*of, most=MAX_LAST)
    return changes_in(*(rows_since(history, mark) for history, mark in zip(of, version.marks, strict=True)))


def _read(seen: str, parts: tuple[str, ...]) -> Version | None:
    version = read_version(seen)
    return version if version and len(version.marks) == 1 + len(parts) else None
