"""The page of an object whose form names the version it was made from.

If the object is no longer of that version nothing is saved, and the page shows the changes since, beside the form with
what is stored now and what the operator typed.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from console.admin_base.change_history import Change
from console.admin_base.generics import ModelForm
from console.admin_base.row_ids import is_id
from console.admin_base.versions.made_from import MADE_FROM, conflict, replaced, sent_version, stale_form
from console.admin_base.versions.merged_form import Before, Merged, Typed, merged_fields
from console.admin_base.versions.merged_rows import OldInline
from console.admin_base.versions.versioned_delete import VersionedDelete
from issuers.versioning.version_of import StaleVersionError

REFUSAL = "console.refusal"
"""The key in `request.META` by which the refused first try gives its reason to the second, which shows the form."""
STALE = "Nothing was saved: what this form was made from has changed. See above."


class RefusableForm(ModelForm):
    refusal: ValidationError | None = None

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.refusal:
            raise self.refusal
        return cleaned


class VersionedPage(VersionedDelete):
    """Its form is a RefusableForm, and its template contains `made_from` and shows `stale`."""

    @abstractmethod
    def version(self, pk: int) -> str:
        """Of the object now. It changes whenever a field of the form does."""

    @abstractmethod
    def require_version(self, pk: int, seen: str) -> None:
        """Lock the object. Raises StaleVersionError."""

    @abstractmethod
    def before(self, row: Any, seen: str) -> Before | None:
        """What the form of that version was made from, if it is known."""

    @abstractmethod
    def changes_since(self, row: Any, seen: str) -> Sequence[Change]:
        """What was changed after that version, newest first."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        form = super().get_form(request, obj, change=change, **kwargs)
        form.refusal = request.META.get(REFUSAL)  # type: ignore[attr-defined]
        return form

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        key = unquote(object_id) if object_id else ""
        if not is_id(key):
            return super().changeform_view(request, object_id, form_url, extra_context)
        if request.method != "POST":
            context = {MADE_FROM: self.version(int(key)), **(extra_context or {})}
            return super().changeform_view(request, object_id, form_url, context)
        seen = sent_version(request)
        try:
            with transaction.atomic():
                self.require_version(int(key), seen)
                context = {MADE_FROM: seen, **(extra_context or {})}
                return super().changeform_view(request, object_id, form_url, context)
        except StaleVersionError:
            return self._merged(request, int(key), form_url, extra_context or {})

    def _merged(self, request: HttpRequest, pk: int, form_url: str, extra_context: dict[str, Any]) -> Any:
        seen, version = sent_version(request), self.version(pk)
        row = self.get_object(request, str(pk))
        if row is None or not self.has_change_permission(request, row):
            return super().changeform_view(request, str(pk), form_url, extra_context)
        before = self.before(row, seen)
        merged = self._with_what_is_stored(request, row, before)
        changes = self.changes_since(row, seen)
        stale = stale_form(changes, typed=merged.typed, is_known=before is not None)
        request.POST = replaced(request.POST, merged.data)  # type: ignore[assignment]
        request.META[REFUSAL] = ValidationError(STALE)
        context = {**extra_context, MADE_FROM: version, "stale": stale}
        response = super().changeform_view(request, str(pk), form_url, context)
        return conflict(response)

    def _with_what_is_stored(self, request: HttpRequest, row: Any, before: Before | None) -> Merged:
        fields = flatten_fieldsets(self.get_fieldsets(request, row))
        form = self.get_form(request, row, change=True, fields=fields)
        parts = [
            merged_fields(form, request.POST, row=row, before=before.fields if before else None),
            *self._merged_inlines(request, row, before),
        ]
        data = {name: values for part in parts for name, values in part.data.items()}
        typed: tuple[Typed, ...] = tuple(each for part in parts for each in part.typed)
        return Merged(data=data, typed=typed)

    def _merged_inlines(self, request: HttpRequest, row: Any, before: Before | None) -> list[Merged]:
        merged = []
        for formset_class, inline in self.get_formsets_with_inlines(request, row):
            prefix = formset_class.get_default_prefix()
            formset = formset_class(instance=row, prefix=prefix, queryset=inline.get_queryset(request))
            rows = before.parts.get(prefix, {}) if before else None
            merged.append(OldInline(formset=formset, data=request.POST, before=rows).merged())
        return merged
