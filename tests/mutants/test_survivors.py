"""The nightly run fails for a file that has more survivors than recorded, and says which."""

import json
from pathlib import Path

import pytest

from tests.mutants import survivors

RECORDED = "# Of this test.\na.py 1\nb.py 0\n"
NOTICED, SURVIVED, NO_TEST = "noticed", "survived", "no test"


@pytest.fixture(autouse=True)
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "survivors.txt"
    path.write_text(RECORDED)
    monkeypatch.setattr(survivors, "RECORDED", path)
    return path


def results(directory: Path, **outcomes: list[str]) -> str:
    path = directory / "results.jsonl"
    lines = [
        json.dumps({"change": f"{name}.py:{number}", "outcome": outcome})
        for name, found in outcomes.items()
        for number, outcome in enumerate(found)
    ]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_as_many_survivors_as_recorded_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert survivors.main(results(tmp_path, a=[NOTICED, SURVIVED], b=[NOTICED])) == 0
    assert "2 files, none with more survivors than recorded." in capsys.readouterr().out


@pytest.mark.parametrize("outcome", [SURVIVED, NO_TEST])
def test_one_more_fails_and_its_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], outcome: str
) -> None:
    assert survivors.main(results(tmp_path, a=[SURVIVED], b=[outcome, NOTICED], c=[outcome])) == 1
    assert capsys.readouterr().err.splitlines() == [
        "More survivors than recorded:",
        "b.py: 1 survivors, 0 recorded",
        "c.py: 1 survivors, 0 recorded",
    ]


def test_fewer_pass_and_are_to_be_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert survivors.main(results(tmp_path, a=[NOTICED, NOTICED])) == 0
    assert "a.py: 0 survivors, 1 recorded: record the lower number" in capsys.readouterr().out


def test_the_numbers_of_a_run_are_recorded_and_the_others_stay(tmp_path: Path, recorded: Path) -> None:
    assert survivors.main(results(tmp_path, b=[SURVIVED, NO_TEST], c=[NOTICED]), "--record") == 0
    assert recorded.read_text() == "# Of this test.\na.py 1\nb.py 2\nc.py 0\n"
