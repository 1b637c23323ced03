"""The TLS context of gunicorn's arguments, for all connections, and made again when one of its files has changed."""

import ssl
from pathlib import Path
from typing import Any

from gunicorn import sock

from m2m_idp.worker.connection import TLSConnection


class Context:
    def __init__(self, cfg: Any, log: Any) -> None:
        self._cfg = cfg
        self._log = log
        self._files = [Path(path) for path in (cfg.certfile, cfg.keyfile, cfg.ca_certs) if path]
        self._stamp: list[int] = []
        self._context: ssl.SSLContext | None = None

    def current(self) -> ssl.SSLContext:
        """Of files that do not fit together, as in the middle of a renewal, the last that did goes on."""
        stamp = [path.stat().st_mtime_ns for path in self._files if path.exists()]
        if self._context is None:
            self._context = self._read()
        elif stamp != self._stamp:
            try:
                self._context = self._read()
            except OSError as error:
                self._log.error("The changed TLS certificate cannot be read, the old one goes on: %s", error)
        self._stamp = stamp
        return self._context

    def _read(self) -> ssl.SSLContext:
        context: ssl.SSLContext = sock.ssl_context(self._cfg)  # type: ignore[no-untyped-call]
        context.sslsocket_class = TLSConnection
        # No resumption: a session that is taken up again has lost the client's intermediate certificates.
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET
        return context
