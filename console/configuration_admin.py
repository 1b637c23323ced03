"""What every page of the configuration shares: a change that does not fit is refused whole, and history is shown."""

from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, models, transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from console.fields import Instant, Json
from console.generics import ModelForm
from console.history_page import HistoryPage
from console.readable import ReadableJson
from issuance.coherence import refuse_incoherent

REFUSAL = "console.refusal"
"""The key in `request.META` under which the refused first try tells its reason to the second, which shows the form."""

REFUSALS = (ValidationError, IntegrityError, OperationalError)
"""What a change that does not fit, that another overtook or that was blocked raises."""

OVERTAKEN = "Another change came in between. Look at what is there now, and try again."


class ConfigurationForm(ModelForm):
    refusal: ValidationError | None = None

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.refusal:
            raise self.refusal
        return cleaned

    def _update_errors(self, errors: ValidationError) -> None:
        """A field that cannot be read is not called missing by the model as well."""
        found = errors.error_dict if hasattr(errors, "error_dict") else {}
        for name in found.keys() & self.errors.keys() & self.fields.keys():
            del found[name]
        super()._update_errors(errors)  # type: ignore[misc]


class ConfigurationAdmin(ReadableJson, HistoryPage):
    form = ConfigurationForm
    formfield_overrides: ClassVar[Any] = {
        models.JSONField: {"form_class": Json},
        models.DateTimeField: {"form_class": Instant, "widget": Instant.widget},
        models.URLField: {"assume_scheme": "https"},
    }
    fixed_fields: ClassVar[tuple[str, ...]] = ()
    """Read-only once the object is there: secrets, tokens or grants are bound to them."""

    class Media:
        js = ("console/select-names.js",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), *(self.fixed_fields if obj else ()))

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
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except REFUSALS as refusal:
            # All is rolled back. The second try stops at the form, which shows what was typed and the reason.
            request.META[REFUSAL] = reason_of(refusal)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:  # noqa: FBT001
        super().save_related(request, form, formsets, change)
        refuse_incoherent([form.instance], now=timezone.now())

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


def reason_of(refusal: Exception) -> ValidationError:
    return refusal if isinstance(refusal, ValidationError) else ValidationError(OVERTAKEN)
