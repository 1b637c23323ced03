"""manage.py audit export."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from audit.exporting.export import FORMS
from audit.models import Inspection
from tests.audit.sealed import seal
from tests.audit.test_export import refusals
from tests.support.cast import INVOICES, Cast
from tests.support.server import server_environment
from tests.support.wire import ask, last_event


def exported(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    """The rows that it prints."""
    call_command("audit", "export", *arguments)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"e')]
    assert (next(iter(lines[0])), next(iter(lines[-1]))) == ("export", "end")
    return [line["event"] for line in lines[1:-1]]


def process(*arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "manage.py", "audit", "export", *arguments],
        cwd=settings.BASE_DIR,
        env=os.environ | server_environment(8000, 1),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ((), 4),
        (("--issuer", "oidc_m2m"), 1),
        (("--issuer", "https://gone.example"), 3),
        (("--issuer", "other"), 0),
        (("--client", "billing"), 1),
        (("--outcome", "refused"), 3),
        (("--error", "invalid_client"), 3),
        (("--reason", "wrong_secret"), 0),
        (("--reason", "unknown_client", "--issuer", "oidc_m2m"), 0),
        (("--api", INVOICES), 1),
        (("--scope", "invoices.read"), 1),
        (("--scope", "invoices"), 0),
        (("--credential", "secret:99"), 0),
        (("--kid", "k9"), 3),
        (("--address", "::ffff:198.51.100.1"), 3),
        (("--exactly", "r1"), 1),
        (("--from", "2020-01-01"), 4),
        (("--to", "2020-01-01T00:00:00+02:00"), 0),
        (("--from", "2020-01-01", "--to", "2999-01-01", "--outcome", "issued", "--client", "billing"), 1),
    ],
)
def test_it_holds_what_the_arguments_choose(
    cast: Cast, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], found: int
) -> None:
    ask(auth=cast.basic("billing"))
    refusals(3, issuer="https://gone.example", ip="198.51.100.1", kid="k9")
    assert len(exported(capsys, *arguments)) == found


def test_a_row_is_found_by_its_token(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    ask(auth=cast.basic("billing"))
    (event,) = exported(capsys, "--exactly", last_event().jti)
    assert event["client_id"] == "billing"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message", "status"),
    [
        (
            ("--from", "yesterday"),
            "a day such as 2026-07-01, or an instant such as 2026-07-01T12:00:00Z, not 'yesterday'",
            2,
        ),
        (("--address", "192.0.2.0/24"), "'192.0.2.0/24' is not an IP address.", 2),
        (("--outcome", "lost"), "invalid choice: 'lost'", 2),
        (("--format", "xml"), "invalid choice: 'xml'", 2),
        (("--from", "2026-07-02", "--to", "2026-07-02"), "--from has to be before --to.", 2),
        (
            ("--issuer", "nowhere"),
            "There is no issuer nowhere. There are: oidc_m2m, other. One that is gone",
            2,
        ),
        (("--output", "/proc/nothing/here"), "Not exported: No such file or directory.", 1),
    ],
)
def test_it_says_what_is_wrong(cast: Cast, arguments: tuple[str, ...], message: str, status: int) -> None:
    with process(*arguments) as told:
        said = told.communicate()[1]
    assert told.returncode == status
    assert said.decode().splitlines()[-1].partition(message)[1] == message
    assert not Inspection.objects.exists()


def test_a_file_is_its_owners_alone_and_never_overwritten(
    cast: Cast, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refusals(2)
    seal()
    refusals(1)
    file = tmp_path / "record.csv"
    call_command("audit", "export", "--format", "csv", "--output", str(file))
    content = file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert content.count(b"\r\n") == 4
    assert capsys.readouterr().err == "3 rows exported, 2 of them sealed.\n"
    with pytest.raises(CommandError, match=r"record\.csv exists: nothing is overwritten"):
        call_command("audit", "export", "--output", str(file))
    assert file.read_bytes() == content
    assert Inspection.objects.count() == 2


def test_half_a_file_is_taken_away(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_rows: Any, **_options: Any) -> Any:
        yield "half"
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(FORMS, "ndjson", failing)
    with pytest.raises(CommandError, match="Not exported: No space left on device"):
        call_command("audit", "export", "--output", str(tmp_path / "record"))
    assert list(tmp_path.iterdir()) == []
    assert [row.result for row in Inspection.objects.order_by("id")] == [
        "ndjson: begun",
        "ndjson: failed: OSError",
    ]


@pytest.mark.slow
def test_a_reader_that_goes_away_is_written_down(cast: Cast) -> None:
    refusals(400)
    with process() as told:
        assert told.stdout
        assert told.stderr
        assert told.stdout.readline().startswith(b'{"export"')
        told.stdout.close()
        assert told.stderr.read().decode() == "CommandError: Broken off: nobody reads the output any more.\n"
    assert told.returncode == 1
    begun, ended = Inspection.objects.order_by("id")
    assert (begun.source, begun.result) == ("command", "ndjson: begun")
    assert ended.result == "ndjson: broken off"


@pytest.mark.slow
def test_an_export_that_is_killed_has_been_written_down(cast: Cast) -> None:
    refusals(600)
    with process() as told:
        assert told.stdout
        told.stdout.readline()
        told.kill()
    assert [row.result for row in Inspection.objects.order_by("id")] == ["ndjson: begun"]
