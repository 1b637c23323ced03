"""The console's answer to a form whose CSRF check failed."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import REASON_BAD_ORIGIN
from django.shortcuts import render

MAX_ORIGIN = 200


def refused_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403, in words. For a form from another origin it names that one, since a proxy may have changed the right one."""
    origin = request.META.get("HTTP_ORIGIN", "")[:MAX_ORIGIN]
    is_foreign = reason == REASON_BAD_ORIGIN % request.META.get("HTTP_ORIGIN", "")
    context = {"origin": origin if is_foreign else "", "trusted": settings.CSRF_TRUSTED_ORIGINS}
    return render(request, "403_csrf.html", context, status=403)
