"""How the server stops without losing a request. All of it happens in the master process.

SIGTERM begins it. `/readyz` says `draining`, so that load balancers send their requests elsewhere, while the workers go
on to accept and to answer, with `Connection: close`. DRAIN_SECONDS later new connections are refused, and those that
are open by then get their answers: see the worker.
"""

import ctypes
import signal
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from runtime import draining

SETTLING = 0.3
"""Seconds in which a connection that is half open becomes whole: longer than a packet takes round the world."""
SO_ATTACH_FILTER = 26
# Classic BPF, from linux/filter.h: what begins a connection (SYN without ACK, in byte 13 of the TCP header) is dropped.
DROP_NEW_CONNECTIONS = (
    (0x30, 0, 0, 13),
    (0x54, 0, 0, 0x12),
    (0x15, 0, 1, 0x02),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 0xFFFFFFFF),
)


def drain_before_stopping(server: Any, *, seconds: int) -> None:
    """Call it once gunicorn's arbiter listens. `seconds`: how long it serves on after SIGTERM; 0 stops at once."""
    stop = server.handle_term

    def begin() -> None:
        if draining.has_begun():
            return
        draining.begin()
        server.log.info("Draining for %d seconds: /readyz says so, and requests are answered.", seconds)
        _call(server, refuse, after=seconds)

    def refuse() -> None:
        if not _shares_its_listeners(server):
            for listener in server.LISTENERS:
                refuse_new_connections(listener.sock)
        _call(server, stop, after=min(SETTLING, seconds))

    signal.signal(signal.SIGALRM, server.signal)
    server.handle_term = begin


def _call(server: Any, step: Callable[[], None], *, after: float) -> None:
    """In the master's own loop, which calls `handle_alrm` for SIGALRM."""
    if not after:
        step()
        return
    server.handle_alrm = step
    signal.setitimer(signal.ITIMER_REAL, after)


def _shares_its_listeners(server: Any) -> bool:
    """With systemd, or with a server that takes its place (SIGUSR2): they go on listening there."""
    return bool(server.systemd or server.reexec_pid or server.master_pid)


def refuse_new_connections(listener: socket.socket) -> None:
    """A listener that is closed resets the connections that nobody accepted yet: so let none come in any more.

    A client that begins one now tries again by itself, after a second, and is refused then.
    """
    program = b"".join(struct.pack("HBBI", *step) for step in DROP_NEW_CONNECTIONS)
    held = ctypes.create_string_buffer(program)
    described = struct.pack("HL", len(DROP_NEW_CONNECTIONS), ctypes.addressof(held))
    # Not every system can; then a connection that comes in this very moment is reset.
    with suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, described)
