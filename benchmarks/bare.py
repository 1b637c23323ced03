"""The least that Django can answer, by the worker that answers for m2m-idp: a view without middleware and database.

It is both the configuration of gunicorn (`--config python:bare`) and the application.
"""

import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

from m2m_idp import settings as product

THREADS = 8
settings.configure(
    **{name: value for name, value in vars(product).items() if name.isupper()}
    | {"ROOT_URLCONF": __name__, "MIDDLEWARE": []}
)
# The worker's class imports models.
django.setup()


def nothing(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({})


urlpatterns = [path("", nothing)]
application = get_wsgi_application()

wsgi_app = "bare:application"
worker_class = "m2m_idp.worker.token_worker.TokenWorker"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
threads = THREADS
keepalive = 75
preload_app = True
control_socket_disable = True
