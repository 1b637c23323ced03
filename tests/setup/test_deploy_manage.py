"""deploy/manage runs a command in the environment that systemd gives the service."""

import json
import runpy
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from tests.setup.environment_files import FILES

variables = runpy.run_path(str(settings.BASE_DIR / "deploy/environment_file.py"))["variables"]
SHOW = "import os; print(os.environ['GUNICORN_CMD_ARGS'], os.environ['DATABASE_URL'])"


@pytest.mark.parametrize("text", FILES)
def test_a_file_is_read_as_systemd_reads_it(text: str) -> None:
    assert dict(variables(text)) == FILES[text]


def test_a_comment_that_versions_of_systemd_read_differently_is_refused() -> None:
    with pytest.raises(SystemExit, match="must not end with a backslash"):
        list(variables("# to be continued \\\nA=1\n"))


def test_a_command_gets_each_line_to_the_letter_and_no_shell_runs(tmp_path: Path) -> None:
    (tmp_path / "env").write_text(f"B=$(touch {tmp_path}/ran)\n1X=bad name\n")
    command = ["python3", "-c", "import json, os; print(json.dumps(dict(os.environ)))"]
    run = subprocess.run(
        ["python3", "deploy/environment_file.py", str(tmp_path / "env"), *command],
        cwd=settings.BASE_DIR, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(run.stdout)["B"] == f"$(touch {tmp_path}/ran)"
    assert not (tmp_path / "ran").exists()
    assert "'1X' is not a name of a variable" in run.stderr


@pytest.mark.slow
def test_manage_takes_the_lines_of_operations_md(tmp_path: Path) -> None:
    page = (settings.BASE_DIR / "docs/operations.md").read_text()
    (line,) = [line for line in page.splitlines() if line.startswith("GUNICORN_CMD_ARGS=")]
    url = f"sqlite:///{tmp_path}/db.sqlite3?timeout=3&check_same_thread=false"
    (tmp_path / "env").write_text(f"# of the service\nVAR_DIR={tmp_path}\n{line}\nDATABASE_URL={url}\n")
    (tmp_path / "runuser").write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n')
    (tmp_path / "runuser").chmod(0o755)
    run = subprocess.run(
        ["deploy/manage", "shell", "--no-imports", "--command", SHOW],
        cwd=settings.BASE_DIR, check=True, capture_output=True, text=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "M2M_IDP_ENVIRONMENT": str(tmp_path / "env")},
    )  # fmt: skip
    assert run.stdout.strip() == f"{line.partition('=')[2]} {url}"
