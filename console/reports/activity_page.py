"""The page of the requests in a time: how many, by whom, and why they were refused."""

from datetime import timedelta
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from console.reports.activity import Span, activity
from console.reports.activity_filter import ActivityFilter, hour_of
from console.site.admin_site import site

SPANS = (("24 hours", timedelta(days=1)), ("7 days", timedelta(days=7)), ("30 days", timedelta(days=30)),
         ("365 days", timedelta(days=365)))  # fmt: skip


@site.reading("audit/activity/", name="audit_activity")
def activity_page(request: HttpRequest) -> HttpResponse:
    form = ActivityFilter(request.GET, now=timezone.now())
    found = activity(Span(**form.cleaned_data)) if form.is_valid() else None
    context = {
        **site.each_context(request),
        "title": "Activity",
        "form": form,
        "activity": found,
        "spans": _spans(form),
    }
    return TemplateResponse(request, "console/activity.html", context, status=200 if found else 400)


def _spans(form: ActivityFilter) -> list[tuple[str, str]]:
    """The usual times up to now, as query strings, for the chosen issuer."""
    issuer = form.cleaned_data.get("issuer", "")
    until = hour_of(form.now, up=True)
    return [
        (label, urlencode({"since": f"{until - length:%Y-%m-%dT%H:%M:%S}", "issuer": issuer}))
        for label, length in SPANS
    ]
