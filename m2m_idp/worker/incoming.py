"""How much of a request has arrived, by its bytes alone (RFC 9112 sections 2.1, 6.3 and 7.1).

gunicorn's parser has the last word on what they say. It is asked when they are whole, or when no more will be read.
"""

import re
from dataclasses import dataclass, field

MAX_HEAD = 65_536
MAX_BODY = 1_048_576
"""Bytes. A longer body is not waited for: who refuses it by its length does so, others find that it breaks off."""
MAX_SIZE_LINE = 256
FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding|expect):[ \t]*([^\r\n]*)", re.IGNORECASE)
MAX_DIGITS = 19
CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,16})[ \t]*(;.*)?", re.DOTALL)


@dataclass(slots=True)
class Incoming:
    data: bytearray = field(default_factory=bytearray)
    head: int = 0
    """Length of the head with its empty line; 0 until that is there."""
    expects_continue: bool = False
    _searched: int = 0
    _end: int | None = None
    """Where the body ends, None where its chunks say."""
    _chunk: int = 0
    """Where the next chunk begins."""

    def is_whole(self) -> bool:
        """Whether nothing is missing. Also true of what is malformed or too long, which the parser will refuse."""
        if not self.head and not self._finds_head():
            return len(self.data) > MAX_HEAD
        if self._end is None:
            return self._finds_last_chunk() or self.is_too_long()
        return len(self.data) >= self._end or self.is_too_long()

    @property
    def has_length(self) -> bool:
        """The head is there and says how long the body is, and all of that has come."""
        return self.head > 0 and self._end is not None and self.head <= self._end <= len(self.data)

    @property
    def body_length(self) -> int:
        """Bytes; 0 where chunks tell."""
        return self._end - self.head if self._end else 0

    def taken(self) -> tuple[bytes, "Incoming"]:
        """The body of a request that `has_length`, and what the client sent ahead."""
        return bytes(self.data[self.head : self._end]), Incoming(self.data[self._end :])

    def behind(self, request: bytes) -> "Incoming":
        """A whole request with a head, and this after it."""
        incoming = Incoming(bytearray(request) + self.data)
        incoming.is_whole()
        return incoming

    def is_too_long(self) -> bool:
        return (self._end or len(self.data)) - self.head > MAX_BODY

    def _finds_head(self) -> bool:
        found = self.data.find(b"\r\n\r\n", max(0, self._searched - 3))
        self._searched = len(self.data)
        if found < 0:
            return False
        self.head = self._end = self._chunk = found + 4
        for name, value in FRAMING.findall(self.data, 0, found):
            self._note(name.lower(), value.strip().lower())
        return True

    def _note(self, name: bytes, value: bytes) -> None:
        if name == b"expect":
            # RFC 9110 section 10.1.1: not of HTTP/1.0.
            self.expects_continue = value == b"100-continue" and b" HTTP/1.1\r\n" in self.data[: self.head]
        elif name == b"transfer-encoding":
            self._end = None
        elif self._end is not None:
            self._end = self.head + _length(value)

    def _finds_last_chunk(self) -> bool:
        """RFC 9112 section 7.1. True of chunks that are malformed, too."""
        while (line_end := self.data.find(b"\r\n", self._chunk)) >= 0:
            size = CHUNK_SIZE.fullmatch(self.data, self._chunk, line_end)
            if not size:
                return True
            if not int(size[1], 16):
                return self.data.find(b"\r\n\r\n", line_end) >= 0
            following = line_end + 2 + int(size[1], 16) + 2
            if following > len(self.data):
                return following - self.head > MAX_BODY
            self._chunk = following
        return len(self.data) - self._chunk > MAX_SIZE_LINE


def _length(value: bytes) -> int:
    """Bytes. One that cannot be, or that the parser may read otherwise, is too long: nothing after it is a request."""
    digits = value.lstrip(b"0") or b"0"
    return int(digits) if value.isdigit() and len(digits) <= MAX_DIGITS else MAX_BODY + 1
