"""docs/audit.md: its own lines verify an export, and find what was altered in one."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from audit.exporting.export import NDJSON, Export
from audit.reading.filters import EventFilter
from keys.record_key import read_statement, record_jwks, record_key, signed_statement
from tests.audit.sealed import seal
from tests.audit.test_export import refusals
from tests.support.cast import Cast
from tests.support.wire import ask, get

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
PROOF, VERIFIER = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)

Lines = list[dict[str, Any]]


@pytest.fixture
def lines(cast: Cast) -> Lines:
    """An export of two checkpoints and a row that is not sealed."""
    ask(auth=cast.basic("billing"))
    refusals(4, client_id="déjà vu")
    seal()
    refusals(2)
    seal()
    refusals(1)
    return [json.loads(line) for line in "".join(Export(EventFilter(), form=NDJSON)).splitlines()]


def run(script: str, tmp_path: Path, lines: Lines) -> "subprocess.CompletedProcess[str]":
    """The script on an export of these lines, by a Python that has nothing of this project."""
    for name, content in {
        "script.py": script,
        "keys.json": get("/audit/jwks").body.decode(),
        "export": "".join(json.dumps(line) + "\n" for line in lines),
    }.items():
        (tmp_path / name).write_text(content)
    command = [sys.executable, "-I", "script.py", "keys.json", "export"]
    return subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)


def verified(tmp_path: Path, lines: Lines) -> tuple[int, list[str]]:
    """Exit status of verify.py, and what it says."""
    done = run(VERIFIER, tmp_path, lines)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_a_good_export_verifies(lines: Lines, tmp_path: Path) -> None:
    assert run(PROOF, tmp_path, lines).stdout == "ok: 8 rows, 1 of them not sealed yet\n"
    assert verified(tmp_path, lines) == (0, ["ok: 8 rows, 1 of them not sealed yet"])


def row(lines: Lines, row_id: int) -> dict[str, Any]:
    return next(line for line in lines if line.get("event", {}).get("id") == row_id)


def checkpoint(lines: Lines, number: int) -> dict[str, Any]:
    found: dict[str, Any] = next(
        line["checkpoint"] for line in lines if line.get("checkpoint", {}).get("number") == number
    )
    return found


def byte_in_a_row(lines: Lines) -> None:
    row(lines, 3)["event"]["client_id"] = "déja vu"


def another_number_in_a_row(lines: Lines) -> None:
    row(lines, 1)["event"]["http_status"] += 1


def column_taken_out(lines: Lines) -> None:
    del row(lines, 2)["event"]["error"]


def hash_in_a_proof(lines: Lines) -> None:
    row(lines, 2)["seal"]["proof"][0] = "00" * 32


def proof_of_another_row(lines: Lines) -> None:
    row(lines, 2)["seal"] = row(lines, 3)["seal"]


def proof_too_short(lines: Lines) -> None:
    row(lines, 2)["seal"]["proof"].pop()


def proof_too_long(lines: Lines) -> None:
    row(lines, 2)["seal"]["proof"].append("00" * 32)


def another_index(lines: Lines) -> None:
    row(lines, 2)["seal"]["index"] += 64


def another_size(lines: Lines) -> None:
    row(lines, 2)["seal"]["size"] += 1


def forged_statement(lines: Lines) -> None:
    said = checkpoint(lines, 2)
    header, claims, signature = said["statement"].split(".")
    said["statement"] = ".".join((header, claims, signature[:-4] + "AAAA"))


def statement_of_another_checkpoint(lines: Lines) -> None:
    checkpoint(lines, 2)["statement"] = checkpoint(lines, 1)["statement"]


def token_for_a_statement(lines: Lines) -> None:
    checkpoint(lines, 2)["statement"] = "eyJhbGciOiJub25lIn0.e30."


def statement_that_is_none(lines: Lines) -> None:
    checkpoint(lines, 2)["statement"] = "nonsense"


def row_taken_out(lines: Lines) -> None:
    lines.remove(row(lines, 8))


def last_line_taken_out(lines: Lines) -> None:
    lines.pop()


NOT_SEALED = "it is not what checkpoint 1 sealed"
CUT_OFF = "the file was cut off"
UNPROVEN = [f"row {number}: no good checkpoint 2 stands before it" for number in (6, 7)]


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (byte_in_a_row, [f"row 3: {NOT_SEALED}"]),
        (another_number_in_a_row, [f"row 1: {NOT_SEALED}"]),
        (column_taken_out, [f"row 2: {NOT_SEALED}"]),
        (hash_in_a_proof, [f"row 2: {NOT_SEALED}"]),
        (proof_of_another_row, [f"row 2: {NOT_SEALED}"]),
        (proof_too_short, [f"row 2: {NOT_SEALED}"]),
        (proof_too_long, [f"row 2: {NOT_SEALED}"]),
        (another_index, [f"row 2: {NOT_SEALED}"]),
        (another_size, [f"row 2: {NOT_SEALED}"]),
        (forged_statement, ["checkpoint 2: InvalidSignatureError Signature verification failed", *UNPROVEN]),
        (
            statement_of_another_checkpoint,
            ["checkpoint 2: ValueError it is another statement", *UNPROVEN],
        ),
        (token_for_a_statement, ["checkpoint 2: KeyError 'kid'", *UNPROVEN]),
        (statement_that_is_none, ["checkpoint 2: DecodeError Not enough segments", *UNPROVEN]),
        (row_taken_out, [CUT_OFF]),
        (last_line_taken_out, [CUT_OFF]),
    ],
)
def test_what_was_altered_is_named(
    lines: Lines, tmp_path: Path, alter: Callable[[Lines], None], said: list[str]
) -> None:
    alter(lines)
    assert verified(tmp_path, lines) == (1, said)
    assert run(PROOF, tmp_path, lines).returncode == 1


def test_what_is_wrong_is_named_by_the_proof(lines: Lines, tmp_path: Path) -> None:
    byte_in_a_row(lines)
    assert '"déja vu"' in run(PROOF, tmp_path, lines).stderr


def test_another_past_is_named_though_the_key_of_the_record_signed_it(lines: Lines, tmp_path: Path) -> None:
    said = checkpoint(lines, 1)
    claims = read_statement(said["statement"], kind="checkpoint+jwt", keys=record_jwks())
    said["statement"] = signed_statement(
        claims | {"at": "2020-01-01T00:00:00.000000Z"}, kind="checkpoint+jwt", key=record_key(timezone.now())
    )
    broken = "checkpoint 2: ValueError it does not follow the checkpoint 1 of this file"
    assert verified(tmp_path, lines) == (1, [broken, *UNPROVEN])


def test_a_statement_of_another_kind_is_named(lines: Lines, tmp_path: Path) -> None:
    said = checkpoint(lines, 2)
    claims = read_statement(said["statement"], kind="checkpoint+jwt", keys=record_jwks())
    said["statement"] = signed_statement(claims, kind="tombstone+jwt", key=record_key(timezone.now()))
    assert verified(tmp_path, lines) == (
        1, ["checkpoint 2: ValueError it is another statement", *UNPROVEN],
    )  # fmt: skip
