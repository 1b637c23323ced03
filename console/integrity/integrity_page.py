"""The page on which an auditor sees whether the record is intact, and orders that it is verified."""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from console.admin_base.fields.times import Instant
from console.integrity.evidence import EvidenceForm
from console.integrity.integrity import integrity
from console.site.admin_site import site
from console.site.permissions import SEES_PROOFS
from upkeep.verification_orders import order

MAY_ORDER = "upkeep.order_verification"
ORDERED = "The verification is ordered: the next maintenance takes it up."
ORDERED_ALREADY = "A verification is ordered already, and has not ended: nothing was added."


class OrderForm(forms.Form):
    """Which rows are compared; empty: all of them."""

    since = Instant(required=False, label="From (UTC)")
    until = Instant(required=False, label="Until (UTC)")

    def clean(self) -> None:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and since >= until:
            raise ValidationError("The range ends before it begins.")


@site.acting("integrity/", name="integrity", permissions=SEES_PROOFS)
def integrity_page(request: HttpRequest) -> HttpResponse:
    """GET shows how the record is; POST orders a verification."""
    if request.method != "POST":
        return _page(request, OrderForm(auto_id="verify_%s"))
    if not request.user.has_perm(MAY_ORDER):
        raise PermissionDenied
    form = OrderForm(request.POST, auto_id="verify_%s")
    if not form.is_valid():
        return _page(request, form, status=400)
    if order(now=timezone.now(), **form.cleaned_data):
        messages.success(request, ORDERED)
    else:
        messages.warning(request, ORDERED_ALREADY)
    return HttpResponseRedirect(reverse("admin:integrity"))


def _page(request: HttpRequest, form: OrderForm, *, status: int = 200) -> HttpResponse:
    context = {
        **site.each_context(request),
        "title": "Integrity of the record",
        "integrity": integrity(timezone.now()),
        "order_form": form,
        "evidence_form": EvidenceForm(auto_id="evidence_%s"),
    }
    return TemplateResponse(request, "console/integrity.html", context, status=status)
