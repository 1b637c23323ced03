"""Acknowledge a known finding: the server checks the one row now, shows what it finds, and asks for a reason."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from audit.models import IssuanceEvent, OperationalEvent
from audit.problem import Problem
from audit.sealing.leaf import SealedTable
from audit.sealing.sealed_tables import sealed_tables
from audit.verification.acknowledgements import MAX_REASON, acknowledge
from audit.verification.row_finding import RowFinding, finding_of_row
from console.admin_base.page import Page
from console.admin_base.row_ids import MAX_ID
from keys.record_key import NoRecordKeyError, statement_reader, statement_signer

PERMISSION = "audit.acknowledge_finding"
OTHER = "This is another finding than the one that was given: go on only if this one is explained, too."
KNOWN = "This finding is acknowledged already: nothing was written."


def names_of_tables() -> list[tuple[str, str]]:
    return [(table.name, table.name) for table in sealed_tables()]


class RowForm(forms.Form):
    """The row, and the finding that a verification printed, if there is one."""

    table = forms.ChoiceField(choices=names_of_tables, initial=IssuanceEvent._meta.db_table)
    row = forms.IntegerField(min_value=1, max_value=MAX_ID, help_text="The number after the table's name.")
    finding = forms.RegexField(
        r"\A[0-9a-f]{32}\Z",
        required=False,
        help_text="If you have it: the page then says whether the row still has this finding.",
        error_messages={"invalid": "A finding has 32 characters from 0 to 9 and a to f."},
    )

    def clean_table(self) -> SealedTable:
        return next(table for table in sealed_tables() if table.name == self.cleaned_data["table"])


class ReasonForm(RowForm):
    """The form that acknowledges: its finding is the one that was shown."""

    reason = forms.CharField(
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What explains the finding. It is kept, signed and sealed, with your name.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("table", "row", "finding"):
            self.fields[name].widget = forms.HiddenInput()
        self.fields["finding"].required = True


class Acknowledging(Page):
    """Mixed into the page of operational events."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.acknowledge)
        return [path("acknowledge/", view, name="audit_operationalevent_acknowledge"), *super().get_urls()]

    def acknowledge(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perms([PERMISSION, "audit.view_operationalevent"]):
            raise PermissionDenied
        if request.method == "POST":
            return self._acknowledge(request)
        chosen = RowForm(request.GET or None, initial=request.GET.dict())
        if not chosen.is_valid():
            return self._page(request, chosen=chosen)
        found = _found(chosen)
        return self._page(request, chosen=chosen, found=found, reason=_reason_form(chosen, found))

    def _acknowledge(self, request: HttpRequest) -> HttpResponse:
        form = ReasonForm(request.POST)
        chosen = RowForm(request.POST)
        if not chosen.is_valid():
            return self._page(request, chosen=chosen, status=400)
        found = _found(chosen)
        if form.is_valid() and not found.known and found.problem and _is_the_one(form, found):
            try:
                row = _acknowledged(request, found.problem, form.cleaned_data["reason"])
            except NoRecordKeyError as error:
                form.add_error(None, ValidationError(str(error)))
            else:
                message = f"Acknowledged: {found.problem}."
                self.log_addition(request, row, message)
                messages.success(request, message)
                return HttpResponseRedirect(reverse(self.url_name("change"), args=[row.pk]))
        if found.known:
            messages.error(request, KNOWN)
        reason = form if _is_the_one(chosen, found) else _reason_form(chosen, found)
        return self._page(request, chosen=chosen, found=found, reason=reason)

    def _page(
        self,
        request: HttpRequest,
        *,
        chosen: RowForm,
        found: RowFinding | None = None,
        reason: ReasonForm | None = None,
        status: int = 200,
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Acknowledge a finding",
            "chosen": chosen,
            "found": found,
            "form": reason,
            "is_other": found and not _is_the_one(chosen, found),
            "other": OTHER,
        }
        return TemplateResponse(request, "console/acknowledge.html", context, status=status)


def _found(chosen: RowForm) -> RowFinding:
    table, row = chosen.cleaned_data["table"], chosen.cleaned_data["row"]
    return finding_of_row(table, row, read=statement_reader(), now=timezone.now())


def _is_the_one(form: RowForm, found: RowFinding) -> bool:
    """Whether the row has the given finding, if one was given."""
    given = form.cleaned_data.get("finding")
    return not (given and found.problem) or found.problem.finding == given


def _reason_form(chosen: RowForm, found: RowFinding) -> ReasonForm | None:
    """None if there is nothing to acknowledge."""
    if found.problem is None or not found.problem.finding or found.known:
        return None
    row = chosen.cleaned_data["row"]
    return ReasonForm(
        initial={"table": chosen.cleaned_data["table"].name, "row": row, "finding": found.problem.finding}
    )


def _acknowledged(request: HttpRequest, problem: Problem, reason: str) -> OperationalEvent:
    """Raises NoRecordKeyError."""
    now = timezone.now()
    sign, address = statement_signer(now), str(request.META.get("REMOTE_ADDR", ""))
    with transaction.atomic():
        return acknowledge(problem, reason=reason, now=now, sign=sign, address=address)
