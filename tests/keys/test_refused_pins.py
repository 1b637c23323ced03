"""A PIN that a token refused is tried by no other process of the host: the token would lock."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from keys.encryption import KeyUnreadableError
from keys.pkcs11 import refused_pins
from keys.pkcs11.refused_pins import tried_once
from tests.keys.softhsm import URI, SoftHsm
from tests.support.at_once import all_at_once
from tests.support.cast import Cast
from tests.support.server import database_url

NOBODY = 65_534


class WrongPinError(Exception):
    """What a token raises."""


@pytest.fixture(autouse=True)
def _own_directory(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(refused_pins, "_refused_here", set())


def create_key(softhsm: SoftHsm, directory: Path) -> str:
    """What `manage.py create_key` complains of under a wrong PIN."""
    own = {
        "DJANGO_SETTINGS_MODULE": "m2m_idp.settings",
        "DATABASE_URL": database_url(),
        "VAR_DIR": str(directory),
    }
    command = [sys.executable, "manage.py", "create_key", "other", "EdDSA", "--pkcs11", URI]
    run = subprocess.run(
        command, cwd=django_settings.BASE_DIR, capture_output=True, text=True, check=False,
        env=os.environ | own | softhsm.environment | {"PKCS11_PIN": "4321"},
    )  # fmt: skip
    assert run.returncode == 1
    return run.stderr


@pytest.mark.slow
def test_no_later_process_tries_it(cast: Cast, softhsm: SoftHsm, tmp_path: Path) -> None:
    told = create_key(softhsm, tmp_path)
    assert told.startswith(
        "CommandError: PKCS11_PIN is not the PIN of the token idp: correct it and restart."
    )
    [note] = tmp_path.glob("pin-*")
    assert (note.stat().st_mode & 0o777, note.read_text()) == (0o600, "refused\n")
    with softhsm.away():
        assert create_key(softhsm, tmp_path) == told
        note.unlink()
        assert "The token idp does not work" in create_key(softhsm, tmp_path)


def attempt(tries: list[str], pin: str = "4321") -> None:
    with suppress(WrongPinError), tried_once(token="idp", pin=pin, refusals=(WrongPinError,)):
        tries.append(pin)
        raise WrongPinError


def test_of_many_who_try_it_at_once_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []

    def as_another_process() -> None:
        with suppress(KeyUnreadableError):
            attempt(tries)

    # Threads are processes here: what one remembers for itself the others do not know.
    monkeypatch.setattr(refused_pins, "_refused_here", Forgetful())
    all_at_once(*[as_another_process] * 8)
    assert tries == ["4321"]


def test_a_corrected_pin_is_tried_at_once() -> None:
    tries: list[str] = []
    attempt(tries)
    attempt(tries, "1234")
    assert tries == ["4321", "1234"]


def test_where_no_file_can_be_written_each_process_tries_it_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path / "missing"
    monkeypatch.setattr(refused_pins, "MEMORY", tmp_path / "missing too")
    tries: list[str] = []
    attempt(tries)
    with pytest.raises(KeyUnreadableError, match="It is not tried again"):
        attempt(tries)
    assert tries == ["4321"]


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """Unlike `tmp_path` one that every user may enter."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield Path(name)


@contextmanager
def as_who_may_not_read_all() -> Iterator[None]:
    """Root may; any other user stays who it is."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


def test_it_is_not_tried_while_the_note_is_anothers(settings: Settings, open_directory: Path) -> None:
    settings.VAR_DIR = open_directory
    tries: list[str] = []
    attempt(tries)
    [note] = open_directory.glob("pin-*")
    note.chmod(0)
    refused_pins._refused_here.clear()

    with (
        as_who_may_not_read_all(),
        pytest.raises(KeyUnreadableError, match=rf"{note}, which says .* belongs to another user: give it"),
    ):
        attempt(tries)

    assert tries == ["4321"]


def test_one_who_waits_too_long_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused_pins, "MAX_WAIT", 0.01)
    with (
        tried_once(token="idp", pin="1234", refusals=(WrongPinError,)),
        pytest.raises(
            KeyUnreadableError, match=r"Other processes have waited 0\.01 seconds for the token idp"
        ),
        tried_once(token="idp", pin="1234", refusals=(WrongPinError,)),
    ):
        raise AssertionError("two at once")


class Forgetful(set[Path]):
    def add(self, _path: Path) -> None:
        return
