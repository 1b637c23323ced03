"""manage.py apply, as a shell sees it."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from configuration.management.commands import apply as command
from issuers.models import Issuer

NEW_ISSUER = "issuers: [{path: shop, name: Shop}]"


@pytest.mark.django_db
def test_it_prints_the_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.yaml").write_text(f"name: shop\n{NEW_ISSUER}")

    call_command("apply", "-f", str(tmp_path / "c.yaml"))

    assert capsys.readouterr().out == "shop:\n+ issuer shop\n"


@pytest.mark.django_db
def test_it_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(NEW_ISSUER.encode())))

    call_command("apply", "-f", "-", "--dry-run")

    assert capsys.readouterr().out == "+ issuer shop\ndry run: nothing was changed\n"
    assert not Issuer.objects.filter(path="shop").exists()


@pytest.mark.django_db
def test_it_tells_problems_by_file_line_and_column_and_exits_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("issuers:\n  - {path: shop, colour: red}\n  - path: 5\n")

    with pytest.raises(SystemExit) as end:
        call_command("apply", "-f", str(path))

    lines = capsys.readouterr().err.splitlines()
    assert end.value.code == 1
    assert lines[0] == f"{path}:2:5: name is missing."
    assert lines[1].startswith(f'{path}:2:18: Unknown key "colour". Known here: path, name, is_active, ')
    assert lines[2] == f"{path}:3:11: path must be a text, is a whole number: put it in quotes."


@pytest.mark.parametrize(
    ("name", "reason"), [("missing.yaml", "No such file or directory"), (".", "Is a directory")]
)
def test_a_file_that_cannot_be_read_ends_with_2(tmp_path: Path, name: str, reason: str) -> None:
    path = str(tmp_path / name)
    with pytest.raises(CommandError) as refusal:
        call_command("apply", "-f", path)

    assert str(refusal.value) == f"{path} cannot be read: {reason}."
    assert refusal.value.returncode == command.UNUSABLE == 2


@pytest.mark.django_db
def test_a_generated_secret_is_printed_exactly_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "relying_parties: [{issuer: oidc_m2m, client_id: billing, secrets: [{label: x, generate: true}]}]"
    )

    call_command("apply", "-f", str(path), "--dry-run")
    dry = capsys.readouterr().out
    call_command("apply", "-f", str(path))
    first = capsys.readouterr().out
    call_command("apply", "-f", str(path))
    second = capsys.readouterr().out

    assert first.count("m2m_") == 1
    assert "secret x of billing, shown only now: m2m_" in first
    assert "m2m_" not in dry.replace("oidc_m2m", "") + second.replace("oidc_m2m", "")


@pytest.mark.django_db
def test_nothing_of_a_file_reaches_the_terminal_as_a_control_character(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text('name: "\\e[2J"\nclaim_templates: [{name: "a\\nb\\u202e"}]\n"x\\e": 1')

    with pytest.raises(SystemExit):
        call_command("apply", "-f", str(path))
    refused = capsys.readouterr().err
    path.write_text(path.read_text().replace('"x\\e": 1', ""))
    call_command("apply", "-f", str(path))

    assert 'Unknown key "x\\x1b".' in refused
    assert capsys.readouterr().out == "\\x1b[2J:\n+ claim template a\\nb\\u202e\n"
