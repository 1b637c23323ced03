"""A request that the main loop may answer itself: its head as a WSGI environment, and its answer as bytes.

A client that asks again on its connection mostly sends the same head, to the byte: it is parsed once.
"""

import io
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from django.http import HttpResponse
from gunicorn import http
from gunicorn.http import wsgi

from m2m_idp.worker.connection import Conn

MAX_HEAD_HERE = 16_384
MAX_REMEMBERED = 2_048
"""Bytes of a head that its connection keeps."""
POST = b"POST "
FOR_A_THREAD = {"EXPECT", "UPGRADE", "TRANSFER-ENCODING"}


@dataclass(frozen=True, slots=True)
class Head:
    """`environ` holds all but the body."""

    data: bytes = field(repr=False)
    environ: dict[str, Any] = field(repr=False)
    body_length: int
    is_kept_alive: bool

    @property
    def weight(self) -> int:
        """Bytes of memory, about."""
        return 2_000 + 3 * len(self.data)

    def environ_with(self, body: bytes) -> dict[str, Any]:
        return self.environ | {"wsgi.input": io.BytesIO(body)}


def head_of(conn: Conn, cfg: Any) -> Head | None:
    """None of what a thread has to read: what is malformed or cut off, and other framing than a length."""
    incoming = conn.incoming
    is_plain = incoming.has_length and not (conn.is_cut_off or conn.was_asked_to_continue)
    if not is_plain or incoming.head > MAX_HEAD_HERE or not incoming.data.startswith(POST):
        return None
    data = bytes(incoming.data[: incoming.head])
    head = conn.head if conn.head and conn.head.data == data else _parsed(data, conn, cfg)
    conn.head = head if head and len(data) <= MAX_REMEMBERED else None
    return head if head and head.body_length == incoming.body_length else None


def _parsed(data: bytes, conn: Conn, cfg: Any) -> Head | None:
    try:
        request = next(http.get_parser(cfg, [data], conn.client))  # type: ignore[no-untyped-call]
        if request.version != (1, 1) or FOR_A_THREAD & {name for name, _ in request.headers}:
            return None
        _, environ = wsgi.create(request, conn.sock, conn.client, conn.server, cfg)  # type: ignore[no-untyped-call]
    except Exception:
        # The thread's parser refuses it again, and answers.
        return None
    del environ["wsgi.early_hints"], environ["wsgi.input"]
    environ["wsgi.multithread"] = True
    return Head(
        data=data,
        environ=environ,
        body_length=int(environ.get("CONTENT_LENGTH") or 0),
        is_kept_alive=not request.should_close(),
    )


def wire_bytes(answer: HttpResponse, *, is_kept_alive: bool) -> bytes:
    """As gunicorn would send it."""
    status = f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}\r\nServer: gunicorn\r\n"
    connection = (
        f"Date: {_date(int(time.time()))}\r\nConnection: {'keep-alive' if is_kept_alive else 'close'}\r\n"
    )
    headers = "".join([f"{name}: {value}\r\n" for name, value in answer.items()])
    if not answer.has_header("Content-Length"):
        headers += f"Content-Length: {len(answer.content)}\r\n"
    return f"{status}{connection}{headers}\r\n".encode("latin-1") + bytes(answer.content)


@lru_cache(maxsize=1)
def _date(now: int) -> str:
    return formatdate(now, usegmt=True)
