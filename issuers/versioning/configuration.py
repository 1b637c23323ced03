"""What every model of the configuration shares: a change, its history and the new revision commit together."""

from collections.abc import Iterable
from typing import Any, Self, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from issuers.versioning.history import write_waiting_history
from issuers.versioning.revision import bump

M = TypeVar("M", bound="ConfigurationModel")


def topics_of(rows: Iterable["ConfigurationModel"]) -> set[str]:
    """What a change of these rows concerns; empty, so everything, if one of them does not say."""
    named = [row.topics for row in rows]
    return set().union(*named) if all(named) else set()


class ConfigurationQuerySet(models.QuerySet[M]):
    """A QuerySet whose bulk methods leave history and raise the revision as `save` does.

    `bulk_update` ends in `update`.
    """

    def update(self, **values: Any) -> int:
        with transaction.atomic():
            before = list(self.model._default_manager.filter(pk__in=list(self.values_list("pk", flat=True))))
            changed = super().update(**values)
            after = list(self.model._default_manager.filter(pk__in=[row.pk for row in before]))
            self._leave_history(after, update=True)
            bump(topics_of([*before, *after]))
        return changed

    update.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            topics = topics_of(self.model._default_manager.filter(pk__in=self.values("pk")))
            deleted = super().delete()
            bump(topics)
        return deleted

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[M], *args: Any, **options: Any) -> list[M]:
        with transaction.atomic():
            created = super().bulk_create(objs, *args, **options)
            self._leave_history(created, update=False)
            bump(topics_of(created))
        return created

    def _leave_history(self, rows: Iterable["ConfigurationModel"], *, update: bool) -> None:
        write_waiting_history()
        self.model.history.bulk_history_create(rows, update=update)  # type: ignore[attr-defined]


ConfigurationManager = models.Manager.from_queryset(ConfigurationQuerySet)


class ConfigurationModel(models.Model):
    """A table of the configuration. Each subclass has `history = configuration_history()`."""

    objects = ConfigurationManager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            before = self._stored()
            super().save(*args, **options)
            bump(topics_of([*before, self]))

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            topics = topics_of([*self._stored(), self])
            deleted = super().delete(*args, **options)
            bump(topics)
        return deleted

    def checked(self) -> Self:
        """This object after `full_clean`, for `Model(...).checked().save()`."""
        self.full_clean()
        return self

    def save_checked(self) -> None:
        """Save after the checks of `full_clean`, at a fraction of their cost. Raises ValidationError as that does.

        What the database checks too (references, uniqueness, conditions) is left to it; only when it refuses is each
        constraint asked, for its words. Raises IntegrityError if they have none.
        """
        references = {
            column.name
            for column in self._meta.concrete_fields
            if column.is_relation and getattr(self, column.attname) is not None
        }
        try:
            self.clean_fields(exclude=references)
            self.clean()
            self.save()
        except (ValidationError, IntegrityError):
            self.full_clean()
            raise

    @property
    def topics(self) -> tuple[str, ...]:
        """What a change of this row concerns, by its own columns (versioning/revision.py); empty: everything."""
        return ()

    def _stored(self) -> list[Self]:
        """The row before the change, which may have concerned something else."""
        rows: models.Manager[Self] = type(self)._default_manager  # type: ignore[assignment]
        return list(rows.filter(pk=self.pk)) if self.pk else []
