"""Who may read an answer in a browser (Fetch standard, section 3.2): every origin the public documents, few a token."""

from collections.abc import Collection
from typing import Any

from django.http import HttpResponse

ANY = "*"
PREFLIGHT_MAX_AGE = 7200
"""Seconds for which a browser keeps the answer to a preflight; browsers keep it two hours at most, or a day."""


def is_preflight(meta: dict[str, Any]) -> bool:
    return (
        meta["REQUEST_METHOD"] == "OPTIONS"
        and "HTTP_ORIGIN" in meta
        and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in meta
    )


def preflight_answer(*, methods: Collection[str]) -> HttpResponse:
    """The answer but for who may. Authorization must be named: `*` does not cover it."""
    answer = HttpResponse(status=204)
    del answer["Content-Type"]
    answer["Access-Control-Allow-Methods"] = ", ".join(methods)
    answer["Access-Control-Allow-Headers"] = "*, Authorization"
    answer["Access-Control-Max-Age"] = str(PREFLIGHT_MAX_AGE)
    return answer


def allow_any_origin(answer: HttpResponse) -> None:
    """For documents that are the same for everybody: caches need not tell origins apart."""
    answer["Access-Control-Allow-Origin"] = ANY
    answer["Access-Control-Expose-Headers"] = "ETag, X-Request-ID"


def allow_listed_origin(answer: HttpResponse, meta: dict[str, Any], origins: Collection[str]) -> None:
    """Never with credentials: a cookie or a certificate of the browser's user proves no client."""
    answer["Vary"] = "Origin"
    origin = meta.get("HTTP_ORIGIN", "")
    if origin in origins:
        answer["Access-Control-Allow-Origin"] = origin
        answer["Access-Control-Expose-Headers"] = "Retry-After, WWW-Authenticate, X-Request-ID"
