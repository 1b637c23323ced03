"""The evidence: an archive that anybody verifies offline, with Python alone."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Any
from zipfile import ZipFile

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.exporting.evidence.archive import Archive
from audit.exporting.evidence.verify import ORDER, is_signed
from audit.models import Inspection
from audit.reading.filters import EventFilter
from tests.audit.sealed import seal
from tests.audit.test_export import refusals
from tests.console.conftest import member
from tests.support.cast import Cast
from tests.support.wire import ask

pytestmark = pytest.mark.contract("P10.32")
ALL = "?since=2026-01-01T00:00"


@pytest.fixture
def auditor(cast: Cast) -> Client:
    return member("aud", "Auditors")


@pytest.fixture
def rows(cast: Cast) -> list[int]:
    """Of two checkpoints with one between them that seals none of these, and one row that is not sealed."""
    first = refusals(4, client_id="déjà vu")
    seal()
    ask(auth=cast.basic("billing"))
    seal()
    second = refusals(2, client_id="déjà vu")
    seal()
    return [*first, *second, *refusals(1, client_id="déjà vu")]


def taken(client: Client, tmp_path: Path, query: str = ALL) -> Path:
    """The directory of the unzipped archive."""
    answer = client.get(reverse("admin:evidence") + query)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    with ZipFile(io.BytesIO(answer.getvalue())) as zipped:
        assert zipped.testzip() is None
        zipped.extractall(tmp_path)
    return tmp_path


def verified(directory: Path, *arguments: str) -> tuple[int, list[str]]:
    """Exit status and lines of verify.py, by a Python that has no package but its own library."""
    command = [sys.executable, "-I", "-S", "verify.py", *arguments]
    done = subprocess.run(command, cwd=directory, env={}, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout.splitlines()


def test_it_verifies_as_it_was_taken(auditor: Client, rows: list[int], tmp_path: Path) -> None:
    directory = taken(auditor, tmp_path)
    assert {file.name for file in directory.iterdir()} == {
        "README.txt", "verify.py", "keys.json", "rows.ndjson", "checkpoints.txt",
    }  # fmt: skip
    status, (told, signer) = verified(directory)
    assert (status, told) == (0, "ok: 8 rows, 1 of them not sealed yet")
    assert signer.startswith("signed by the key with the thumbprint ")
    assert len((directory / "checkpoints.txt").read_text().splitlines()) == 3


def test_a_filter_bounds_it_and_the_chain_between_stays_whole(
    auditor: Client, rows: list[int], tmp_path: Path
) -> None:
    directory = taken(auditor, tmp_path, f"{ALL}&client=déjà vu")
    assert verified(directory)[1][0] == "ok: 7 rows, 1 of them not sealed yet"
    assert len((directory / "checkpoints.txt").read_text().splitlines()) == 3


def edited(name: str, edit: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def tamper(directory: Path) -> None:
        file = directory / name
        file.write_text("".join(edit(file.read_text().splitlines(keepends=True))))

    return tamper


def with_text(lines: list[str], *, of: str, old: str, new: str) -> list[str]:
    assert sum(of in line and old in line for line in lines) == 1
    return [line.replace(old, new, 1) if of in line else line for line in lines]


def test_one_changed_byte_of_a_row_is_named(auditor: Client, rows: list[int], tmp_path: Path) -> None:
    directory = taken(auditor, tmp_path)
    row = f'"id":{rows[1]},'
    edited("rows.ndjson", lambda lines: with_text(lines, of=row, old="vu", new="vi"))(directory)
    assert verified(directory) == (1, [f"row {rows[1]}: it is not what checkpoint 1 sealed"])


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (edited("rows.ndjson", lambda lines: lines[:-1]), "rows.ndjson was cut off"),
        (edited("rows.ndjson", lambda lines: [*lines[:-2], lines[-1]]), "rows.ndjson was cut off"),
        (
            edited("checkpoints.txt", lambda lines: [lines[0], *lines[2:]]),
            "checkpoint 3: it does not follow the one before it",
        ),
        (
            edited("checkpoints.txt", lambda lines: lines[:-1]),
            "checkpoint 3: it is missing in checkpoints.txt",
        ),
        (
            edited("checkpoints.txt", lambda lines: [*lines, "nonsense\n"]),
            "checkpoints.txt: a line is not the statement of a checkpoint",
        ),
        (
            edited("keys.json", lambda lines: [line.replace('"x": "', '"x": "A') for line in lines]),
            "checkpoint 1: no key of the record signed it",
        ),
    ],
)
def test_what_else_was_changed_is_named(
    auditor: Client, rows: list[int], tmp_path: Path, tamper: Callable[[Path], None], told: str
) -> None:
    directory = taken(auditor, tmp_path)
    tamper(directory)
    status, lines = verified(directory)
    assert status == 1
    assert told in lines


def test_a_signature_of_other_bytes_is_none(auditor: Client, rows: list[int], tmp_path: Path) -> None:
    directory = taken(auditor, tmp_path)

    def another(lines: list[str]) -> list[str]:
        """The last checkpoint, whose signature has another last-but-one character."""
        *before, last = lines
        text = last.strip()
        return [*before, f"{text[:-3]}{'A' if text[-3] != 'A' else 'B'}{text[-2:]}\n"]

    edited("checkpoints.txt", another)(directory)
    status, lines = verified(directory)
    assert (status, "checkpoint 3: no key of the record signed it" in lines) == (1, True)


def test_its_own_ed25519_agrees_with_that_of_openssl() -> None:
    for number in range(20):
        private, message = Ed25519PrivateKey.generate(), b"m" * number
        key, signature = private.public_key().public_bytes_raw(), private.sign(message)
        assert is_signed(message, signature=signature, key=key)
        assert not is_signed(message + b"x", signature=signature, key=key)
        for at in (3, 40):
            wrong = bytes([*signature[:at], signature[at] ^ 1, *signature[at + 1 :]])
            assert not is_signed(message, signature=wrong, key=key)
        # The same number beyond the order of the group is another signature (RFC 8032 section 5.1.7).
        s = int.from_bytes(signature[32:], "little") + ORDER
        assert not is_signed(message, signature=signature[:32] + s.to_bytes(32, "little"), key=key)
        assert not is_signed(message, signature=signature[:-1], key=key)


def test_keys_that_were_kept_elsewhere_decide(auditor: Client, rows: list[int], tmp_path: Path) -> None:
    directory = taken(auditor, tmp_path)
    (directory / "keys.json").rename(directory / "kept.json")
    assert verified(directory, "--keys", "kept.json")[0] == 0
    (directory / "kept.json").write_text('{"keys": []}')
    status, lines = verified(directory, "--keys", "kept.json")
    assert (status, lines[0]) == (1, "checkpoint 1: no key of the record signed it")
    assert verified(directory, "--keys", "gone.json") == (2, [])


def test_that_it_was_taken_is_recorded(auditor: Client, rows: list[int], tmp_path: Path) -> None:
    taken(auditor, tmp_path, f"{ALL}&client=déjà vu")
    told = [
        (row.actor, row.source, row.rows, row.result)
        for row in Inspection.objects.filter(filter__contains="client déjà vu").order_by("id")
    ]
    assert told == [("aud", "admin", 0, "evidence: begun"), ("aud", "admin", 7, "evidence: complete")]


def test_one_that_is_broken_off_says_so(auditor: Client, rows: list[int]) -> None:
    answer: Any = auditor.get(reverse("admin:evidence") + ALL)
    next(iter(answer.streaming_content))
    answer.close()
    assert Inspection.objects.latest("id").result == "evidence: broken off"


def test_it_asks_for_a_bound(auditor: Client) -> None:
    answer = auditor.get(reverse("admin:evidence"))
    told = "Say from when on, or name one token or request: evidence is a part of the record."
    assert (answer.status_code, answer.content.decode()) == (400, f"There is no evidence here. {told}\n")


def test_it_is_handed_out_as_it_is_read(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.exporting.export.BLOCK", 500)
    for _ in range(100):
        refusals(1, detail=token_hex(500))
    archive = Archive(EventFilter(), keys={"keys": []}, now=timezone.now())
    given = [archive.rows.given for _ in archive]
    assert archive.rows.given == 100
    assert any(0 < rows < 100 for rows in given)
