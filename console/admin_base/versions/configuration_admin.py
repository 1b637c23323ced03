"""What every page of the configuration shares: a change that does not fit, or that was made from an older version, is
refused whole, and history is shown."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, models, transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from console.admin_base.change_history import Change
from console.admin_base.fields.readable import ReadableJson
from console.admin_base.fields.times import Deadline, Duration
from console.admin_base.fields.values import Json
from console.admin_base.generics import ModelForm
from console.admin_base.history_page import HistoryPage
from console.admin_base.versions import configuration_version
from console.admin_base.versions.merged_form import Before
from console.admin_base.versions.versioned_page import REFUSAL, RefusableForm, VersionedPage
from issuance.outlook.consistency import refuse_incoherent
from issuance.outlook.token_warnings import token_warnings
from issuers.seconds import Seconds
from issuers.versioning.version_of import deleted_with, parts_of, read_version, require_version, version_of
from relying_parties.consistency import reached_by

REFUSALS = (ValidationError, IntegrityError, OperationalError)
"""Exceptions of a change that does not fit, that another change preceded, or that was blocked."""

MAX_WARNED = 20
"""Clients of a change that are checked for warnings; each takes some milliseconds."""

OVERTAKEN = "Another change came in between. Look at what is there now, and try again."


class ConfigurationForm(RefusableForm):
    def _update_errors(self, errors: ValidationError) -> None:
        """A field that cannot be read is not reported as missing by the model as well."""
        found = errors.error_dict if hasattr(errors, "error_dict") else {}
        for name in found.keys() & self.errors.keys() & self.fields.keys():
            del found[name]
        super()._update_errors(errors)  # type: ignore[misc]


class ConfigurationAdmin(ReadableJson, HistoryPage, VersionedPage):
    form = ConfigurationForm
    formfield_overrides: ClassVar[Any] = {
        models.JSONField: {"form_class": Json},
        models.DateTimeField: {"form_class": Deadline, "widget": Deadline.widget},
        Seconds: {"form_class": Duration, "widget": Duration.widget},
        models.URLField: {"assume_scheme": "https"},
    }
    fixed_fields: ClassVar[tuple[str, ...]] = ()
    """Read-only once the object exists: secrets, tokens or grants are bound to these fields."""

    class Media:
        js = ("console/select-names.js",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), *(self.fixed_fields if obj else ()))

    def version(self, pk: int) -> str:
        return str(version_of(self.model, pk, *self._parts()))

    def require_version(self, pk: int, seen: str) -> None:
        require_version(self.model, pk, read_version(seen), *self._parts())

    def before(self, row: Any, seen: str) -> Before | None:
        return configuration_version.before(row, seen, *self._parts())

    def changes_since(self, row: Any, seen: str) -> Sequence[Change]:
        return configuration_version.changes_since(row, seen, *self._parts())

    def version_of_all(self, pk: int) -> str:
        return str(version_of(self.model, pk, *deleted_with(self.model)))

    def require_version_of_all(self, pk: int, seen: str) -> None:
        require_version(self.model, pk, read_version(seen), *deleted_with(self.model))

    def changes_of_all_since(self, row: Any, seen: str) -> Sequence[Change]:
        return configuration_version.changes_since(row, seen, *deleted_with(self.model))

    def _parts(self) -> Sequence[str]:
        """The form's fields that are not the object's own."""
        return parts_of(self.model, *(inline.model for inline in self.inlines))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except REFUSALS as refusal:
            # Everything is rolled back. The second try stops at the form, which shows what was typed and the reason.
            request.META[REFUSAL] = reason_of(refusal)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:  # noqa: FBT001
        super().save_related(request, form, formsets, change)
        refuse_incoherent([form.instance], now=timezone.now())
        warn_of(request, form.instance)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        try:
            return super().delete_view(request, object_id, extra_context)
        except REFUSALS as refusal:
            self._tell(request, refusal)
            return HttpResponseRedirect(reverse(self.url_name("change"), args=[object_id]))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        key = obj.pk
        super().delete_model(request, obj)
        obj.pk = key
        refuse_incoherent([obj], now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        rows = list(queryset)
        super().delete_queryset(request, queryset)
        refuse_incoherent(rows, now=timezone.now())

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        if request.method != "POST":
            return super().changelist_view(request, extra_context)
        try:
            with transaction.atomic():
                return super().changelist_view(request, extra_context)
        except REFUSALS as refusal:
            self._tell(request, refusal)
            return HttpResponseRedirect(request.get_full_path())

    def _tell(self, request: HttpRequest, refusal: Exception) -> None:
        messages.error(request, "Nothing was deleted.")
        for problem in reason_of(refusal).messages:
            messages.error(request, problem)


def warn_of(request: HttpRequest, row: models.Model) -> None:
    """What works now and will be a problem for a client, of the first few clients that the change reaches."""
    for relying_party, warning in token_warnings(reached_by(row)[:MAX_WARNED], now=timezone.now()):
        messages.warning(request, f"{relying_party.client_id}: {warning}")


def reason_of(refusal: Exception) -> ValidationError:
    return refusal if isinstance(refusal, ValidationError) else ValidationError(OVERTAKEN)
