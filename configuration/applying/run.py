"""One run of `apply`: its plan, the problems it met, and how it brings one row to what the file says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, models

from configuration.applying.stored_rows import StoredRows
from configuration.plan import ADDED, CHANGED, REMOVED, Draft, difference
from configuration.reading.entries import Entry
from configuration.reading.problems import Location, Problems
from configuration.reading.secret_sources import Surroundings
from configuration.reading.shape import IDENTITIES
from configuration.reading.values import same
from issuers.models import Issuer
from issuers.versioning.configuration import ConfigurationModel
from keys.lifecycle.retirement import outlive_tokens

LEFT_EMPTY = {"blank", "null"}


@dataclass(frozen=True, slots=True)
class Run:
    now: datetime
    dry_run: bool
    environment: Mapping[str, str]
    folders: Mapping[str, Path]
    """By the name of each file the folder to which its paths are relative."""
    problems: Problems = field(default_factory=Problems)
    draft: Draft = field(default_factory=Draft)
    rows: StoredRows = field(default_factory=StoredRows)
    signing_keys: set[tuple[str, str]] = field(default_factory=set)
    """The issuer's path and the algorithm of each key that the file has named so far."""
    changed: list[tuple[models.Model, Location]] = field(default_factory=list)
    """The rows that were added, changed or removed, each with the position in the file that caused it."""

    def surroundings_of(self, entry: Entry) -> Surroundings:
        return Surroundings(environment=self.environment, folder=self.folders[entry.location.file])

    def reconcile(
        self, entry: Entry, *, row: ConfigurationModel, values: Mapping[str, Any], subject: str
    ) -> None:
        """Save the row if the values make a difference; note the problems if it cannot be."""
        differences = [
            difference(entry.kind.key(name), _natural(getattr(row, name)), _natural(value))
            for name, value in values.items()
            if row.pk and not same(getattr(row, name), value)
        ]
        if row.pk and not differences:
            self.draft.unchanged += 1
            return
        mark = CHANGED if row.pk else ADDED
        before = {name: getattr(row, name) for name in values} if row.pk else {}
        _set(row, values)
        try:
            self._save(row)
        except ValidationError as error:
            self.refuse(error, entry)
            _set(row, before)
            return
        self.draft.note(mark, subject, *differences)
        self.changed.append((row, entry.location))

    def _save(self, row: ConfigurationModel) -> None:
        """Raises ValidationError; IntegrityError where another added the row since its absence was read."""
        if row.pk and isinstance(row, Issuer):
            row.full_clean()
            outlive_tokens(row, now=self.now)
        try:
            row.save_checked()
        except ValidationError as error:
            if isinstance(error.__context__, IntegrityError) and _is_stored(row):
                raise error.__context__ from error
            raise

    def remove(self, row: models.Model, *, location: Location, subject: str) -> None:
        row.delete()
        self.draft.note(REMOVED, subject)
        self.changed.append((row, location))

    def refuse(self, error: ValidationError, entry: Entry) -> None:
        """Note a model's own messages at the lines that they are about."""
        by_field = error.error_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.error_list}
        for name, errors in by_field.items():
            if name in entry.locations and name not in entry.values:
                continue  # An invalid value was refused already.
            for single in errors:
                self.problems.add(entry.location_of(name), _worded(single, name, entry))


def _set(row: models.Model, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def _is_stored(row: models.Model) -> bool:
    """Whether there is a stored row with the identity of this new one."""
    if row.pk or type(row) not in IDENTITIES:
        return False
    identity = {name: getattr(row, name) for name in IDENTITIES[type(row)]}
    return type(row)._default_manager.filter(**identity).exists()


def _worded(error: ValidationError, name: str, entry: Entry) -> str:
    text = " ".join(error.messages)
    if name == NON_FIELD_ERRORS:
        return text
    key = entry.kind.key(name)
    return f"{key} is missing." if error.code in LEFT_EMPTY and name not in entry.values else f"{key}: {text}"


def _natural(value: Any) -> Any:
    """A reference as the file writes it."""
    return getattr(value, IDENTITIES[type(value)][-1]) if isinstance(value, models.Model) else value
