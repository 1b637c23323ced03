"""Refusals, as the wire names them (RFC 6749 section 5.2 and its registered extensions).

`description` is public and constant; `detail` says to the operator what happened and what to do, and goes to the record
and the log only.
"""

from typing import ClassVar


class OAuthError(Exception):
    """A refusal. `headers` go into the answer."""

    error: ClassVar[str]
    description: ClassVar[str]
    status: ClassVar[int] = 400

    def __init__(self, detail: str, *, description: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.public_description = description or self.description
        self.headers: dict[str, str] = {}


class InvalidRequest(OAuthError):
    error = "invalid_request"
    description = "The request is malformed."


class InvalidClient(OAuthError):
    """The same answer for every reason: whoever cannot prove a client learns nothing about it."""

    error = "invalid_client"
    description = "Client authentication failed."
    status = 401

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.headers["WWW-Authenticate"] = 'Basic realm="m2m-idp"'


class UnauthorizedClient(OAuthError):
    error = "unauthorized_client"
    description = "The client may not ask for a token here and now."


class UnsupportedGrantType(OAuthError):
    error = "unsupported_grant_type"
    description = "The only grant type is client_credentials."


class UnsupportedResponseType(OAuthError):
    """RFC 6749 section 4.1.2.1."""

    error = "unsupported_response_type"
    description = (
        "This server has no sign-in. Clients ask the token endpoint with grant_type=client_credentials."
    )


class InvalidScope(OAuthError):
    error = "invalid_scope"
    description = "The scope is malformed or not granted to the client."


class InvalidTarget(OAuthError):
    """RFC 8707 section 2."""

    error = "invalid_target"
    description = "The resource is malformed, unknown or not granted to the client."


class InvalidDpopProof(OAuthError):
    """RFC 9449 section 5."""

    error = "invalid_dpop_proof"
    description = "The DPoP proof is missing, malformed, used before or of another request."


class NotFound(OAuthError):
    error = "invalid_request"
    description = "There is nothing at this URL."
    status = 404


class MethodNotAllowed(OAuthError):
    error = "invalid_request"
    description = "The method is not allowed at this URL."
    status = 405

    def __init__(self, detail: str, *, allowed: str) -> None:
        super().__init__(detail)
        self.headers["Allow"] = allowed


class ContentTooLarge(OAuthError):
    error = "invalid_request"
    description = "The request is too large."
    status = 413


class UnsupportedMediaType(OAuthError):
    error = "invalid_request"
    description = "The body must be application/x-www-form-urlencoded in UTF-8, without a content coding."
    status = 415


class TooManyRequests(OAuthError):
    """RFC 6585 section 4. `retry_after` is in whole seconds."""

    error = "temporarily_unavailable"
    description = "Too many requests. Try again when Retry-After is over."
    status = 429

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.headers["Retry-After"] = str(retry_after)


class TemporarilyUnavailable(OAuthError):
    error = "temporarily_unavailable"
    description = "The request cannot be decided or recorded now. Try again."
    status = 503

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.headers["Retry-After"] = "1"


class NotRecorded(TemporarilyUnavailable):
    """The row could not be committed, or nobody knows whether it was."""


class ServerError(OAuthError):
    """A defect. The log has the traceback under the answer's X-Request-ID."""

    error = "server_error"
    description = "The server met an error."
    status = 500
