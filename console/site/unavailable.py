"""The console's answer when it cannot work: no database, no free slot, or no static files."""

import sys

from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.defaults import server_error

from audit.writing.failover import leave_if_read_only
from console.site.static_files import NotCollectedError
from runtime.slots import StuckError

AWAY_IN_SQLITE = ("locked", "unable to open", "disk")
"""Parts of its error texts; a missing table, for example, is a defect with the same class."""


def failed(request: HttpRequest) -> HttpResponse:
    """Django's last resort, for every path outside the protocol: a database that is away is not a defect."""
    error = sys.exception()
    leave_if_read_only(connection, error)
    if isinstance(error, NotCollectedError):
        return render(request, "console/not_collected.html", status=503)
    return unavailable(request) if is_away(error) else server_error(request)


def is_away(error: BaseException | None) -> bool:
    if isinstance(error, StuckError | InterfaceError):
        return True
    if connection.vendor == "sqlite":
        return isinstance(error, OperationalError) and any(word in str(error) for word in AWAY_IN_SQLITE)
    return isinstance(error, OperationalError)


def unavailable(request: HttpRequest) -> HttpResponse:
    """503, with an explanation and when to try again."""
    answer = render(request, "console/unavailable.html", status=503)
    answer["Retry-After"] = "5"
    return answer
