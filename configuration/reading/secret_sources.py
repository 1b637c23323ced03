"""What a file refers to, by a variable's name or a path. A secret is given in no other way."""

import base64
import errno
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from configuration.reading.document import Node
from configuration.reading.values import typed

MAX_FILE_LENGTH = 64 * 1024
PEM = b"-----BEGIN "
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a file's references are resolved with: the environment, and the folder to which its paths are relative."""

    environment: Mapping[str, str]
    folder: Path


@dataclass(frozen=True, slots=True)
class FromEnvironment:
    name: str

    def read(self, surroundings: Surroundings) -> str:
        """Raises ValueError, whose text contains no part of a value."""
        text = surroundings.environment.get(self.name)
        if not text:
            raise ValueError(f"the environment variable {self.name} is not set, or empty.")
        if not text.isprintable():
            raise ValueError(f"the environment variable {self.name} holds a character that is not printable.")
        return text

    def read_bytes(self, surroundings: Surroundings) -> bytes:
        """PEM as it is, anything else decoded from base64. Raises ValueError, without any part of a value."""
        data = surroundings.environment.get(self.name, "").encode(errors="surrogateescape")
        if PEM in data:
            return data
        try:
            decoded = base64.b64decode(b"".join(data.split()), validate=True)
        except ValueError:
            decoded = b""
        if not decoded:
            raise ValueError(
                f"the environment variable {self.name} must hold PEM, or another file in base64."
            )
        return decoded


@dataclass(frozen=True, slots=True)
class FromFile:
    path: str

    def located(self, surroundings: Surroundings) -> Path:
        return surroundings.folder / self.path

    def read(self, surroundings: Surroundings, *, longest: int = MAX_FILE_LENGTH) -> str:
        """The file's text without one newline at its end. Raises ValueError, whose text contains no part of a value."""
        try:
            text = self.read_bytes(surroundings, longest=longest).decode()
        except UnicodeDecodeError:
            raise ValueError(f"{self.located(surroundings)} is not UTF-8.") from None
        return text.removesuffix("\n").removesuffix("\r")

    def read_bytes(self, surroundings: Surroundings, *, longest: int = MAX_FILE_LENGTH) -> bytes:
        """Raises ValueError."""
        path = self.located(surroundings)
        try:
            data = _read_regular(path, longest + 1)
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}.") from error
        if not data or len(data) > longest:
            raise ValueError(f"{path} is empty, or longer than {longest} bytes.")
        return data


def _read_regular(path: Path, size: int) -> bytes:
    """At most so many bytes of a file. Raises OSError, and ValueError for a file that could block for ever."""
    refusal = ValueError(
        f"{path} is not a regular file: give a file, not a directory, pipe, socket or device."
    )
    try:
        # Does not wait where nobody writes to a pipe, and opens no socket.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise refusal from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise refusal
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(size)
    finally:
        os.close(descriptor)


SecretSource = FromEnvironment | FromFile


def secret_source(node: Node) -> SecretSource:
    """`{env: NAME}` or `{file: PATH}`. Raises ValueError."""
    match typed(node, dict):
        case {"env": name, **others} if not others:
            if not VARIABLE.match(typed(name, str)):
                raise ValueError("env is the name of an environment variable, not a value.")
            return FromEnvironment(name.value)
        case {"file": path, **others} if not others:
            return _file(path)
        case _:
            raise ValueError("must be {env: NAME} or {file: PATH}.")


def file_source(node: Node) -> FromFile:
    """`{file: PATH}`, for a value that is not secret and could also be in the file itself. Raises ValueError."""
    match typed(node, dict):
        case {"file": path, **others} if not others:
            return _file(path)
        case _:
            raise ValueError("must be {file: PATH}.")


def _file(path: Node) -> FromFile:
    if "\0" in typed(path, str) or not path.value:
        raise ValueError("file is the path of a file.")
    return FromFile(path.value)


def generate_flag(node: Node) -> bool:
    """`true`. Raises ValueError."""
    if typed(node, bool):
        return True
    raise ValueError("must be true; leave it out otherwise.")
