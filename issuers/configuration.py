"""What every model of the configuration shares: a change, its history and the new revision commit together."""

from collections.abc import Iterable
from typing import Any, Self, TypeVar

from django.db import models, transaction

from issuers.revision import bump

M = TypeVar("M", bound=models.Model)


class ConfigurationQuerySet(models.QuerySet[M]):
    """A QuerySet whose bulk methods leave history and raise the revision as `save` does.

    `bulk_update` ends in `update`.
    """

    def update(self, **values: Any) -> int:
        with transaction.atomic():
            keys = list(self.values_list("pk", flat=True))
            changed = super().update(**values)
            self._leave_history(self.model._default_manager.filter(pk__in=keys), update=True)
            bump()
        return changed

    update.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            deleted = super().delete()
            bump()
        return deleted

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[M], *args: Any, **options: Any) -> list[M]:
        with transaction.atomic():
            created = super().bulk_create(objs, *args, **options)
            self._leave_history(created, update=False)
            bump()
        return created

    def _leave_history(self, rows: Iterable[M], *, update: bool) -> None:
        self.model.history.bulk_history_create(rows, update=update)  # type: ignore[attr-defined]


ConfigurationManager = models.Manager.from_queryset(ConfigurationQuerySet)


class ConfigurationModel(models.Model):
    """A table of the configuration. Each subclass has `history = configuration_history()`."""

    objects = ConfigurationManager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            super().save(*args, **options)
            bump()

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            deleted = super().delete(*args, **options)
            bump()
        return deleted

    def checked(self) -> Self:
        """This object after `full_clean`, for `Model(...).checked().save()`."""
        self.full_clean()
        return self
