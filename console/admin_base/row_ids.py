"""Ids of rows as a browser sends them: a text that is not an id names no row, and is not looked up."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.db.models import BigAutoField
from django.forms import ModelMultipleChoiceField
from django.http import HttpRequest, HttpResponse

from console.admin_base.generics import BaseAdmin, ModelAdmin

MAX_LISTED = 100
"""Rows in a list of choices; of more a search is offered."""
MAX_ID = BigAutoField.MAX_BIGINT


def is_id(text: Any) -> bool:
    digits = str(text)
    return digits.isascii() and digits.isdigit() and len(digits) <= len(str(MAX_ID)) and int(digits) <= MAX_ID


class RowAutocomplete(AutocompleteSelect):
    """Offers nothing for a value that is not an id, in the query string that fills the form or in a form sent."""

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> Any:
        return super().optgroups(name, [each for each in value if is_id(each)], attr)


class RowChoices(ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Several rows of another table."""

    def clean(self, value: Any) -> Any:
        for chosen in value or ():
            if not is_id(chosen):
                raise ValidationError(
                    self.error_messages["invalid_pk_value"],
                    code="invalid_pk_value",
                    params={"pk": str(chosen)[:40]},
                )
        return super().clean(value)


class ForeignKeys(BaseAdmin):
    """Mixed into every inline, and into every page by RowIds."""

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        """Those with many rows to choose from. A few are a list of choices, which needs no script."""
        return [name for name in super().get_autocomplete_fields(request) if self._offers_many(name)]

    def _offers_many(self, name: str) -> bool:
        rows: Any = self.model._meta.get_field(name).related_model
        return bool(rows._default_manager.all()[: MAX_LISTED + 1].count() > MAX_LISTED)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if "widget" not in kwargs and db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = RowAutocomplete(db_field, self.admin_site, using=kwargs.get("using"))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **{"form_class": RowChoices, **kwargs})


class RowIds(ForeignKeys, ModelAdmin):
    """Mixed into every page."""

    def response_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse | None:
        """400 if rows are chosen by values that are not ids."""
        if not all(is_id(chosen) for chosen in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            raise SuspiciousOperation("A chosen row has no valid id.")
        return super().response_action(request, *args, **kwargs)
