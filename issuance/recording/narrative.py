"""How the steps of a request are written in the record: from protocol values to columns of a row, and to a trace."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from audit.models import Outcome
from audit.writing.entry import Entry
from formats.masking import cleaned
from issuance.client_auth.proof import Presented
from issuance.tokens.access_token import UnsignedToken
from issuance.tokens.binding import Binding
from issuance.wire.errors import OAuthError
from issuance.wire.token_request import PROTOCOL, TokenRequest
from issuers.directory import IssuerSnapshot
from relying_parties.claims.language import CREDENTIAL_PARAMETERS
from relying_parties.client import Client
from runtime.main_loop import refuse_to_wait

SHOWN_HEADERS = frozenset({
    "HTTP_HOST", "HTTP_USER_AGENT", "CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_ACCEPT", "HTTP_X_REQUEST_ID",
    "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO",
})  # fmt: skip
CREDENTIAL_HEADERS = frozenset({"HTTP_AUTHORIZATION", "HTTP_DPOP", "HTTP_COOKIE", "HTTP_PROXY_AUTHORIZATION"})
MASK = "***"
MAX_SHOWN = 1_000
"""Characters of a value, and of a name, that a trace shows."""
TOKEN_COLUMNS = frozenset({"jti", "kid", "alg", "expires_at"})
UNPRINTABLE_ASCII = re.compile(r"[^\x20-\x7E]")


def opened(meta: dict[str, Any], *, issuer: IssuerSnapshot, request_id: str, now: datetime) -> Entry:
    """The row of a request of which nothing is known but where it came from."""
    entry = Entry(at=now, request_id=request_id)
    entry.columns = {
        "issuer": issuer.url,
        "ip": meta["REMOTE_ADDR"],
        "user_agent": _text(meta.get("HTTP_USER_AGENT", "")),
        "caller_request_id": UNPRINTABLE_ASCII.sub("", meta.get("HTTP_X_REQUEST_ID", "")),
    }
    return entry


def asked(request: TokenRequest) -> dict[str, Any]:
    resources = (*request.parameters.get("resource", ()), *request.parameters.get("audience", ()))
    return {
        "grant_type": request.grant_type,
        "client_id": request.client_id,
        "scope_requested": request.scope,
        "resource_requested": " ".join(resources),
    }


def identified(presented: Presented, client: Client | None) -> dict[str, Any]:
    """The method is the registered one where what was presented may be that; an assertion alone does not tell."""
    method = client.token_endpoint_auth_method if client else ""
    return {
        "client_id": presented.client_id,
        "auth_method": method if method in presented.methods else presented.methods[0],
    }


def bound(binding: Binding) -> dict[str, Any]:
    """The confirmation as one text, each member a name, a colon and a thumbprint; none for a bearer token."""
    confirmation = " ".join(f"{method}:{name}" for method, name in binding.confirmation.items())
    return {"token_type": binding.token_type, "confirmation": confirmation}


def said(token: UnsignedToken, *, client: Client) -> dict[str, Any]:
    return {
        "subject": token.claims["sub"],
        "claim_template": client.template.label,
        "jti": token.claims["jti"],
        "kid": token.header["kid"],
        "alg": token.header["alg"],
        "expires_at": token.expires_at,
    }


def issued(entry: Entry, token: UnsignedToken) -> Entry:
    """The row of a token that is about to be signed."""
    entry.columns |= {"outcome": Outcome.ISSUED, "http_status": 200}
    if entry.trace is not None:
        entry.trace |= {"header": token.header, "claims": token.claims}
    return entry


def refused(entry: Entry, error: OAuthError) -> Entry:
    """The row of a refusal; after a row that says `issued`, the row that says it failed."""
    if not entry.is_issued:
        # The names of a token that was not made after all.
        for column in TOKEN_COLUMNS & entry.columns.keys():
            del entry.columns[column]
    entry.passed("fail" if entry.is_issued else "refuse", error=error.error, detail=error.detail)
    entry.columns |= {
        "outcome": Outcome.FAILED if entry.is_issued else Outcome.REFUSED,
        "http_status": error.status,
    }
    return entry


def trace_if_wanted(
    entry: Entry, *, client: Client | None, request: TokenRequest, meta: dict[str, Any]
) -> None:
    """While an operator traces the client: the request as it came, without what may be a credential."""
    if client is None or client.trace_until is None or entry.at >= client.trace_until:
        return
    refuse_to_wait()
    entry.trace = {
        "request": {
            "method": meta["REQUEST_METHOD"],
            "path": _text(meta.get("PATH_INFO", "")),
            "headers": _shown_headers(meta),
            "parameters": _shown_parameters(request, shown=PROTOCOL | client.parameters_read),
        }
    }


def _shown_headers(meta: dict[str, Any]) -> dict[str, str]:
    names = [name for name in meta if name.startswith("HTTP_") or name in SHOWN_HEADERS]
    return {_header_name(name): _shown_header(name, meta[name]) for name in names if meta[name]}


def _shown_header(name: str, value: str) -> str:
    if name in CREDENTIAL_HEADERS:
        return MASK
    return _text(value)[:MAX_SHOWN] if name in SHOWN_HEADERS else _length(value)


def _shown_parameters(request: TokenRequest, *, shown: Collection[str]) -> dict[str, str | list[str]]:
    """Any other parameter may be a credential under a name that only its sender knows."""
    return {
        cleaned(name)[:MAX_SHOWN]: MASK
        if name in CREDENTIAL_PARAMETERS
        else [cleaned(value)[:MAX_SHOWN] if name in shown else _length(value) for value in values]
        for name, values in request.parameters.items()
    }


def _length(value: str) -> str:
    return f"({len(value)} characters)"


def _header_name(name: str) -> str:
    return cleaned(name.removeprefix("HTTP_").replace("_", "-").lower())[:MAX_SHOWN]


def _text(value: str) -> str:
    """A value of the WSGI environment, whose characters are bytes (PEP 3333), as text."""
    return cleaned(value.encode("latin-1", errors="replace").decode(errors="replace"))
