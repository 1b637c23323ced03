"""An SMTP server on loopback (RFC 5321), over TLS or not, that keeps what it gets and refuses what a test names."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

from tests.support.server import Tls


@dataclass(slots=True)
class MailBox:
    port: int = 0
    got: list[EmailMessage] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    """What followed AUTH PLAIN, in base64."""
    refuses: set[str] = field(default_factory=set)
    """Addresses that nobody has."""
    is_away: bool = False
    """Whether it hangs up at the first word."""


@contextmanager
def mail_server(tls: Tls | None = None) -> Iterator[MailBox]:
    box = MailBox()
    with MailServer(("127.0.0.1", 0), Conversation) as server:
        server.box, server.context = box, context_of(tls) if tls else None
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield box
        server.shutdown()
        thread.join()


def context_of(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)
    return context


class MailServer(ThreadingTCPServer):
    """Shakes hands in the thread of the connection."""

    daemon_threads = True
    box: MailBox
    context: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.context is None:
            super().finish_request(request, client_address)
            return
        assert isinstance(request, socket.socket)
        with self.context.wrap_socket(request, server_side=True) as connection:
            super().finish_request(connection, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Of a client that does not trust it, or is gone."""


class Conversation(StreamRequestHandler):
    @property
    def box(self) -> MailBox:
        assert isinstance(self.server, MailServer)
        return self.server.box

    def handle(self) -> None:
        if self.box.is_away:
            return
        self.say("220 loopback ESMTP")
        while line := self.rfile.readline().decode().strip():
            self.answer(line)

    def answer(self, line: str) -> None:
        command = line[:4].upper()
        if command == "EHLO":
            self.say("250-loopback\r\n250 AUTH PLAIN")
        elif command == "AUTH":
            self.box.logins.append(line.rpartition(" ")[2])
            self.say("235 yes")
        elif command == "RCPT" and any(address in line for address in self.box.refuses):
            self.say("550 nobody has this address")
        elif command == "DATA":
            self.say("354 go on")
            self.box.got.append(self.message())
            self.say("250 taken")
        else:
            self.say("250 yes")

    def message(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        found = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
