"""Bearer tokens that are sent when keys are fetched (RFC 6750), for platforms that refuse anonymous callers.

Whoever runs the server puts each token below FETCH_TOKEN_DIRECTORY, in a directory that is named like the one host that
may see it. An operator of the console names the file only: no token goes to a host that an operator chose.
"""

import os
import re
import stat
from pathlib import Path

from django.conf import settings

MAX_BYTES = 16_384
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""RFC 6750 section 2.1."""


class TokenFileError(Exception):
    """The token cannot be read. The text says what to do, and holds nothing of the file."""


def token_name_problem(name: str) -> str | None:
    """Why no token file may be called so, None if one may."""
    if NAME.fullmatch(name):
        return None
    return (
        "It must be the name of a file, without a directory: letters, digits, dots, hyphens and underscores, "
        "at most 100, with no dot in front."
    )


def token_for(host: str, *, name: str) -> str:
    """The host's token as it stands now: it is renewed by whoever put it there. Raises TokenFileError.

    `host` is that of a RemoteUrl, which holds no slash.
    """
    if not settings.FETCH_TOKEN_DIRECTORY:
        raise TokenFileError(
            f"The trusted issuer names the token file {name}, and FETCH_TOKEN_DIRECTORY is not set: set it."
        )
    if problem := token_name_problem(name):
        raise TokenFileError(f"The token file of the trusted issuer cannot be read. {problem}")
    path = Path(settings.FETCH_TOKEN_DIRECTORY) / host / name
    try:
        content = _read(path)
    except FileNotFoundError as error:
        raise TokenFileError(f"There is no token file {path}: put the token for {host} there.") from error
    except OSError as error:
        raise TokenFileError(f"The token file {path} cannot be read: {error.strerror}.") from error
    return _token(content, path)


def token_if_any_for(host: str, *, name: str) -> str | None:
    """None for a host for which no such token was put there. Raises TokenFileError."""
    path = Path(settings.FETCH_TOKEN_DIRECTORY or "/nonexistent") / host / name
    return token_for(host, name=name) if os.path.lexists(path) else None


def _read(path: Path) -> bytes:
    """At most one byte more than allowed. A cluster swaps links when it renews a token: a second look finds the new."""
    try:
        return _read_once(path)
    except FileNotFoundError:
        return _read_once(path)


def _read_once(path: Path) -> bytes:
    """Links lead nowhere but within the host's own directory."""
    resolved = Path(os.path.realpath(path, strict=True))
    own = Path(os.path.realpath(path.parent.parent, strict=True)) / path.parent.name
    if not resolved.is_relative_to(own):
        raise TokenFileError(
            f"The token file {path} is a link that leads out of {own}: put the token itself there."
        )
    # Without waiting for the writer of a pipe.
    descriptor = os.open(resolved, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise TokenFileError(f"{path} is not a regular file: put the token there in a file.")
        return os.read(descriptor, MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def _token(content: bytes, path: Path) -> str:
    if len(content) > MAX_BYTES:
        raise TokenFileError(
            f"The token file {path} has more than {MAX_BYTES:,} bytes: put a token there, alone."
        )
    text = content.decode("ascii", errors="replace").strip()
    if not TOKEN.fullmatch(text):
        raise TokenFileError(
            f"The token file {path} does not hold one bearer token: put a token there, alone."
        )
    return text
