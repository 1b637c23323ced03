"""The access report: permitted and actual use of an audience, as a page and as CSV."""

import csv
from datetime import datetime

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from audit.models import Inspection
from audit.writing.inspections import inspected
from console.reports.access_filter import AccessFilter
from console.reports.access_report import Report, report
from console.site.admin_site import site
from console.site.permissions import SEES_CONFIGURATION


@site.reading("audit/access/", name="audit_access", permissions=SEES_CONFIGURATION)
def access_page(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    form = AccessFilter(request.GET or None, now=now)
    context = {
        **site.each_context(request),
        "title": "Access report: permitted and actual use",
        "form": form,
        "report": _report(form, now) if form.is_valid() else None,
        "query": request.GET.urlencode(),
    }
    is_wrong = form.is_bound and not form.is_valid()
    return TemplateResponse(request, "console/access_report.html", context, status=400 if is_wrong else 200)


@site.reading("audit/access/report.csv", name="audit_access_csv", permissions=SEES_CONFIGURATION)
def access_csv(request: HttpRequest) -> HttpResponse:
    """The download is recorded."""
    now = timezone.now()
    form = AccessFilter(request.GET, now=now)
    if not form.is_valid():
        raise BadRequest("The report needs an issuer, an audience and a time: fill in its form.")
    found = _report(form, now)
    response = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="access-{now:%Y%m%dT%H%M%SZ}.csv"'},
    )
    csv.writer(response).writerows(found.csv_rows())
    chosen = f"access to {found.audience} at {found.issuer.url}, {found.since.isoformat()} to {found.until.isoformat()}"
    inspected(act=Inspection.Act.EXPORT, now=now, rows=len(found.lines), event_filter=chosen)
    return response


def _report(form: AccessFilter, now: datetime) -> Report:
    return report(**form.cleaned_data, now=now)
