"""The bytes of every answer (RFC 6749 sections 5.1 and 5.2): one place turns a refusal into HTTP."""

from collections.abc import Mapping
from typing import Any

import structlog
from django.db import Error as DatabaseFailure
from django.http import HttpResponse
from rest_framework import exceptions

from audit.writing.record import NotRecordedError
from formats.compact_json import compact_json
from issuance.wire.errors import (
    MethodNotAllowed,
    NotRecorded,
    OAuthError,
    ServerError,
    TemporarilyUnavailable,
)

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}

log = structlog.get_logger("issuance")


def json_answer(members: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str]) -> HttpResponse:
    content = compact_json(members)
    headers = {**headers, "Content-Length": str(len(content))}
    return HttpResponse(content, status=status, headers=headers, content_type="application/json")


def refusal(error: OAuthError) -> HttpResponse:
    members = {"error": error.error, "error_description": error.public_description}
    answer = json_answer(members, status=error.status, headers=NO_STORE | error.headers)
    # Django would log a line of its own for a status of 500 or more; the record has logged this one.
    answer._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
    return answer


def as_oauth_error(error: Exception, *, allowed: str) -> OAuthError:
    """Whatever was raised, as a refusal: Django REST framework's own, a database that is away, a defect."""
    if isinstance(error, OAuthError):
        return error
    if isinstance(error, exceptions.MethodNotAllowed):
        return MethodNotAllowed("Another method than the endpoint takes.", allowed=allowed)
    if isinstance(error, NotRecordedError):
        return NotRecorded("The row could not be committed.")
    if isinstance(error, DatabaseFailure):
        return TemporarilyUnavailable(f"The database failed: {type(error).__name__}.")
    return ServerError(f"A defect: {type(error).__name__}. The log has the traceback.")
