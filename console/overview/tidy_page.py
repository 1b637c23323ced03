"""The pages of what could be tidier: a list each, 50 rows a page."""

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from console.overview.tidy import LISTS, TidyList
from console.site.admin_site import site
from console.site.permissions import SEES_CONFIGURATION
from relying_parties.models import ClientSecret, RelyingParty

ROWS_OF_A_PAGE = 50


@site.reading("tidy/<str:name>/", name="tidy", permissions=SEES_CONFIGURATION)
def tidy_page(request: HttpRequest, name: str) -> HttpResponse:
    tidy = list_named(name)
    rows = Paginator(tidy.rows(timezone.now()), ROWS_OF_A_PAGE).get_page(request.GET.get("page"))
    context = {
        **site.each_context(request),
        "title": tidy.title,
        "tidy": tidy,
        "page": rows,
        "lines": [_line(row) for row in rows],
        "others": [other for other in LISTS if other is not tidy],
    }
    return TemplateResponse(request, "console/tidy.html", context)


def list_named(name: str) -> TidyList:
    found = next((tidy for tidy in LISTS if tidy.name == name), None)
    if found is None:
        raise Http404("There is no such list.")
    return found


def _line(row: ClientSecret | RelyingParty) -> dict[str, Any]:
    """The client of the row, and the secret if it is one."""
    if isinstance(row, ClientSecret):
        return {"client": row.relying_party, "secret": row}
    return {"client": row, "secret": None}
