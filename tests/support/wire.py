"""Requests as they stand on the wire, put to the WSGI application byte by byte, and the rows they leave."""

import base64
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

from audit.models import IssuanceEvent, Outcome
from issuance.wire.wsgi_handler import Handler
from issuers.versioning import revision

TOKEN = "/oidc_m2m/token"
FORM = "application/x-www-form-urlencoded"
DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")
"""RFC 6749 section 5.2."""

Parameters = Mapping[str, str] | Iterable[tuple[str, str]]
Headers = Iterable[tuple[str, str]]

_handlers: list[Handler] = []


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def without_its_own(self) -> tuple[int, dict[str, str], bytes]:
        """All but X-Request-ID: what two answers are compared by."""
        headers = {name: value for name, value in self.headers.items() if name != "X-Request-ID"}
        return self.status, headers, self.body

    @property
    def claims(self) -> dict[str, Any]:
        """The claims of the token, not verified."""
        return _segment(self.json["access_token"], 1)

    @property
    def header(self) -> dict[str, Any]:
        """The JOSE header of the token."""
        return _segment(self.json["access_token"], 0)


def call(
    method: str,
    target: str,
    *,
    body: bytes = b"",
    headers: Headers = (),
    peer: str = "192.0.2.7",
    server: str = "127.0.0.1:8000",
    stream: io.BytesIO | None = None,
) -> Answer:
    """One request. `target` is path and query; of headers with one name, WSGI joins the values by a comma.

    The body is read from `stream` if there is one. It sees the configuration as it stands: the revision is read again,
    as it is half a second later.
    """
    revision.forget()
    path, _, query = target.partition("?")
    host, _, port = server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "HTTP_HOST": server,
        "REMOTE_ADDR": peer,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": stream or io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    sent: dict[str, list[str]] = {}
    for name, value in headers:
        sent.setdefault(_wsgi_name(name), []).append(value)
    return _run(environ | {name: ",".join(values) for name, values in sent.items()})


def ask(
    parameters: Parameters | bytes = (),
    *,
    auth: str | None = None,
    grant_type: str | None = "client_credentials",
    target: str = TOKEN,
    headers: Headers = (),
    content_type: str | None = FORM,
    peer: str = "192.0.2.7",
) -> Answer:
    """A token request. Bytes are the whole body; parameters follow `grant_type`, unless that is None."""
    if isinstance(parameters, bytes):
        body = parameters
    else:
        pairs = list(parameters.items()) if isinstance(parameters, Mapping) else list(parameters)
        body = urlencode(([("grant_type", grant_type)] if grant_type is not None else []) + pairs).encode()
    sent = [*headers, *([("Authorization", auth)] if auth is not None else [])]
    sent += [("Content-Type", content_type)] if content_type is not None else []
    return call("POST", target, body=body, headers=sent, peer=peer)


def get(target: str, *, headers: Headers = (), server: str = "127.0.0.1:8000") -> Answer:
    return call("GET", target, headers=headers, server=server)


def basic(client_id: str, secret: str) -> str:
    """RFC 6749 section 2.3.1: form-encoded, then base64."""
    return raw_basic(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode())


def raw_basic(credentials: bytes, *, scheme: str = "Basic") -> str:
    return f"{scheme} {base64.b64encode(credentials).decode()}"


def events() -> list[IssuanceEvent]:
    """The rows of the record, oldest first."""
    return list(IssuanceEvent.objects.order_by("id"))


def last_event() -> IssuanceEvent:
    event = IssuanceEvent.objects.order_by("id").last()
    assert event is not None, "no row was recorded"
    return event


def assert_refused(answer: Answer, status: int, error: str) -> IssuanceEvent:
    """The answer is this refusal, well-formed, and the last row of the record tells of it."""
    assert (answer.status, answer.json["error"]) == (status, error)
    assert_well_formed_refusal(answer)
    event = last_event()
    assert (event.outcome, event.http_status, event.error) == (Outcome.REFUSED, status, error)
    assert event.request_id == answer.headers["X-Request-ID"]
    assert event.detail, "the operator learns nothing"
    return event


def assert_well_formed_refusal(answer: Answer) -> None:
    """RFC 6749 section 5.2."""
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    assert answer.json.keys() == {"error", "error_description"}
    assert all(DESCRIPTION.fullmatch(text) for text in answer.json.values())


def _run(environ: dict[str, Any]) -> Answer:
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], _: Any = None
    ) -> Callable[[bytes], object]:
        started.append((status, headers))
        return io.BytesIO().write

    if not _handlers:
        _handlers.append(Handler())
    chunks = _handlers[0](environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        chunks.close()
    status, headers = started[0]
    names = [name for name, _ in headers]
    assert len(set(names)) == len(names), f"a header stands twice: {names}"
    return Answer(status=int(status[:3]), headers=dict(headers), body=body)


def _wsgi_name(name: str) -> str:
    upper = name.upper().replace("-", "_")
    return upper if upper in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{upper}"


def _segment(token: str, index: int) -> dict[str, Any]:
    segment = token.split(".")[index]
    members: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return members
