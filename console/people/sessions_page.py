"""Who is signed in: everybody sees and ends sessions of their own, a superuser those of all."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from console.sign_in.models import ConsoleSession
from console.sign_in.sessions import end, is_present, open_sessions
from console.site.admin_site import site

MAX_SHOWN = 200
MAX_NAME = 150


@site.page("sessions/", name="sessions")
@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _end(request)
    name = request.GET.get("user", "")[:MAX_NAME].replace("\x00", "")
    rows = _within_sight(request)
    found = list((rows.filter(user__username__icontains=name) if name else rows)[: MAX_SHOWN + 1])
    context = {
        **site.each_context(request),
        "title": "Sessions",
        "sessions": [{"row": row, "is_present": is_present(row)} for row in found[:MAX_SHOWN]],
        "is_cut": len(found) > MAX_SHOWN,
        "max_shown": MAX_SHOWN,
        "name": name,
    }
    return render(request, "console/sessions.html", context)


def _within_sight(request: HttpRequest) -> QuerySet[ConsoleSession]:
    user: Any = request.user
    return open_sessions() if user.is_superuser else open_sessions().filter(user=user)


def _end(request: HttpRequest) -> HttpResponse:
    """The session that is named; one of somebody else is not found by who may not see it."""
    name = _named(request)
    row = _within_sight(request).filter(public_id=name).first() if name else None
    if row is not None and is_present(row):
        messages.warning(request, "That is the session you are in: log out to end it.")
    elif row is not None and end(row, why="It was ended by hand.", address=request.META["REMOTE_ADDR"]):
        messages.success(request, f"Ended: the {row} of {row.user}.")
    else:
        messages.info(request, "There is no such session: it has ended already.")
    return HttpResponseRedirect(reverse("admin:sessions"))


def _named(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.POST.get("session", ""))
    except ValueError:
        return None
