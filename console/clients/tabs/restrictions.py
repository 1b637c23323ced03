"""The tab of what restricts a client's requests: a sentence with the present value, and what changes it."""

from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils.html import escape

from console.admin_base.fields.values import Lines
from console.admin_base.generics import TabularInline
from console.clients import restrictions
from console.clients.tabs.many_parts import MAX_PARTS, LabelledFormSet, ManyParts
from console.clients.tabs.tab_form import TabForm
from console.clients.tabs.tab_links import RESTRICTIONS
from relying_parties.models import RelyingParty, RequestRule


class RestrictionsForm(TabForm):
    allowed_networks = Lines(
        required=False,
        help_text="CIDRs from which it may ask, one to a line, such as 10.0.0.0/8. Empty: any.",
    )


class RuleInline(TabularInline):
    model = RequestRule
    formset = LabelledFormSet
    extra = 1
    max_num = MAX_PARTS
    fields = ("parameter", "regex", "message")
    verbose_name_plural = "What requests must say: parameters that must match"


class RestrictionsTab(ManyParts):
    tab = RESTRICTIONS
    panel_template = "console/client_tabs/restrictions.html"
    form = RestrictionsForm
    inlines = (RuleInline,)
    fieldsets: ClassVar[Any] = (
        ("From which networks", {"fields": ("allowed_networks",)}),
        ("How often", {"fields": ("requests_per_minute",)}),
        ("Between which dates", {"fields": (("valid_from", "valid_until"),)}),
        (
            "Bound to a key",
            {"fields": ("tls_client_certificate_bound_access_tokens", "dpop_bound_access_tokens")},
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sentences = (
            of(obj)
            for of in (restrictions.networks, restrictions.quota, restrictions.dates, restrictions.binding)
        )
        return [
            (name, {**options, "description": escape(sentence)})
            for (name, options), sentence in zip(super().get_fieldsets(request, obj), sentences, strict=True)
        ]

    def panels(self, row: RelyingParty) -> dict[str, Any]:
        return {**super().panels(row), "rules_in_words": restrictions.rules(row)}
