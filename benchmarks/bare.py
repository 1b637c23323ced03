"""The least that Django can answer: a view without middleware and database."""

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="-", MIDDLEWARE=[])  # noqa: S106


def nothing(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({})


urlpatterns = [path("", nothing)]
application: WSGIHandler = get_wsgi_application()
