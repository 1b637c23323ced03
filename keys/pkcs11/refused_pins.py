"""The PINs that a token refused: no process of this host tries one again, since a token locks after a few.

The outcome for a PIN is in a file beside the database, or in memory where no disk is writable. The process that tries
the PIN locks the file: of many that start at once one tries it, and the others read its outcome.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from django.conf import settings
from django.utils.crypto import salted_hmac

from keys.encryption import KeyUnreadableError

MEMORY = Path("/dev/shm")  # noqa: S108 - the name of a file in it is this installation's secret
MAX_WAIT = 20
"""Seconds that a process waits for others that try the same PIN: they open their sessions one after another."""
PAUSE = 0.02
REFUSED = b"refused\n"

_refused_here: set[Path] = set()
"""The PINs of this process: it remembers them where no file can be written."""


@contextmanager
def tried_once(*, token: str, pin: str, refusals: tuple[type[Exception], ...]) -> Iterator[None]:
    """Try the PIN in the block, which raises one of `refusals` if the token refuses it.

    Raises KeyUnreadableError instead if it was refused before.
    """
    if not pin:
        yield
        return
    path = _path_of(token, pin)
    if path in _refused_here:
        raise KeyUnreadableError(wrong_pin(token, pin))
    with _locked(path, token) as file:
        if file is not None and os.read(file, len(REFUSED)):
            raise KeyUnreadableError(wrong_pin(token, pin))
        try:
            yield
        except refusals:
            _refused_here.add(path)
            if file is not None:
                os.write(file, REFUSED)
            raise


def wrong_pin(token: str, pin: str) -> str:
    return (
        f"PKCS11_PIN is not the PIN of the token {token}: correct it and restart. It is not tried again, so that the "
        f"token does not lock; if the token has this PIN by now, remove {_path_of(token, pin)} and restart."
    )


def _not_ours(path: Path, token: str) -> str:
    return (
        f"{path}, which says whether the token {token} refused PKCS11_PIN, belongs to another user: give it to the "
        f"user of the server (chown), and run manage.py as that user. Until then the PIN is not tried."
    )


def _path_of(token: str, pin: str) -> Path:
    """Without SECRET_KEY, the name reveals nothing about the PIN."""
    name = salted_hmac(
        "keys.pkcs11.refused_pins", f"{settings.PKCS11_MODULE}\0{token}\0{pin}", algorithm="sha256"
    )
    directory = settings.VAR_DIR if os.access(settings.VAR_DIR, os.W_OK) else MEMORY
    return Path(directory) / f"pin-{name.hexdigest()[:32]}"


@contextmanager
def _locked(path: Path, token: str) -> Iterator[int | None]:
    """The open file, locked by this process; None where there can be none. Raises KeyUnreadableError."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if isinstance(error, PermissionError) and os.path.lexists(path):
            raise KeyUnreadableError(_not_ours(path, token)) from error
        yield None
        return
    try:
        _wait_for_lock(file, token)
        yield file
    finally:
        os.close(file)


def _wait_for_lock(file: int, token: str) -> None:
    deadline = time.monotonic() + MAX_WAIT
    while True:
        try:
            return flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise KeyUnreadableError(
                    f"Other processes have waited {MAX_WAIT} seconds for the token {token}: look at it."
                ) from None
            time.sleep(PAUSE)
