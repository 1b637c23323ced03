"""Grants or rules of a client that are too many for one form: the tab leads to pages of their own instead."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from console.admin_base.generics import InlineFormSet
from console.admin_base.row_ids import is_id
from console.clients.tabs.client_tab import ClientTab
from relying_parties.models import RelyingParty

MAX_PARTS = 80
"""Grants, or rules, in one form: five fields each, and Django accepts 1000 in a form. More get pages of their own."""


class LabelledFormSet(InlineFormSet):
    """In a table the column's head is the visible label; each field gets one of its own for screen readers."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        for field in form.fields.values():
            field.widget.attrs.setdefault("aria-label", field.label)


@dataclass(frozen=True, slots=True)
class OwnPage:
    """Links to the parts of a client that are too many for its form."""

    name: str
    count: int
    changelist: str
    add: str
    may_add: bool


class ManyParts(ClientTab):
    """A tab with parts of a client in its form."""

    def get_inline_instances(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without parts that are too many, unless the sent form has them: it was made when they were fewer."""
        inlines = super().get_inline_instances(request, obj)
        return [
            inline
            for inline in inlines
            if obj is None
            or f"{_prefix(inline)}-TOTAL_FORMS" in request.POST
            or not _is_too_many(inline, obj)
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        row = self.get_object(request, object_id) if is_id(object_id) else None
        own = (
            [_own_page(inline, row, request) for inline in super().get_inline_instances(request, row)]
            if row
            else []
        )
        context = {"own_pages": [page for page in own if page.count > MAX_PARTS], **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)


def _prefix(inline: Any) -> str:
    """The prefix of its field names in the form."""
    return str(inline.model._meta.get_field("relying_party").remote_field.related_name)


def _parts(inline: Any, row: RelyingParty) -> QuerySet[Any]:
    parts: QuerySet[Any] = inline.model.objects.filter(relying_party=row)
    return parts


def _is_too_many(inline: Any, row: RelyingParty) -> bool:
    return _parts(inline, row)[: MAX_PARTS + 1].count() > MAX_PARTS


def _own_page(inline: Any, row: RelyingParty, request: HttpRequest) -> OwnPage:
    opts = inline.model._meta
    return OwnPage(
        name=str(opts.verbose_name_plural),
        count=_parts(inline, row).count(),
        changelist=reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist"),
        add=reverse(f"admin:{opts.app_label}_{opts.model_name}_add"),
        may_add=inline.has_add_permission(request, row),
    )
