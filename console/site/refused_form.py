"""What the console answers to a form whose protection against forgery did not match."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import REASON_BAD_ORIGIN
from django.shortcuts import render

MAX_ORIGIN = 200


def refused_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403, in words. Of a form from another origin it names that one, which a proxy may have made of the right one."""
    origin = request.META.get("HTTP_ORIGIN", "")[:MAX_ORIGIN]
    is_foreign = reason == REASON_BAD_ORIGIN % request.META.get("HTTP_ORIGIN", "")
    context = {"origin": origin if is_foreign else "", "trusted": settings.CSRF_TRUSTED_ORIGINS}
    return render(request, "403_csrf.html", context, status=403)
