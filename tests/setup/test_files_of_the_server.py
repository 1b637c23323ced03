"""VAR_DIR, STATIC_ROOT and the files of secrets as operators leave them: each fault is named with its mend."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from django.conf import settings

from tests.setup.test_start import MANAGE, SERVE, refusal
from tests.support.server import database_url, serve, with_static_files

WITHOUT_PRIVILEGES = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []
"""root, too, is then held to the modes of files."""
MIGRATE = [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"]


@pytest.mark.parametrize("command", [SERVE, MANAGE], ids=["gunicorn", "manage.py"])
def test_a_var_dir_that_cannot_be_written_is_named(command: list[str], tmp_path: Path) -> None:
    closed = tmp_path / "var"
    closed.mkdir(mode=0o500)
    said = refusal([*WITHOUT_PRIVILEGES, *command], tmp_path, VAR_DIR=str(closed))
    assert said == (
        f"m2m-idp cannot start: VAR_DIR: files have to be made in {closed}, and user {os.geteuid()} cannot write to "
        "it. Give that user the directory, or name another one.\n"
    )


def test_a_var_dir_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = refusal(MANAGE, tmp_path, VAR_DIR=str(tmp_path / "file/var"))
    assert said.startswith(f"m2m-idp cannot start: VAR_DIR: user {os.geteuid()} cannot make the directory ")
    assert said.count("\n") == 1


def test_generated_secrets_of_another_user_are_named(tmp_path: Path) -> None:
    (tmp_path / "generated.env").touch(mode=0o000)
    said = refusal([*WITHOUT_PRIVILEGES, *MANAGE], tmp_path)
    assert said.startswith(
        f"m2m-idp cannot start: The generated secrets in {tmp_path}/generated.env cannot be read"
    )
    assert said.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("directory", "why"),
    [("closed", "m2m-idp cannot start: DATABASE_URL: files have to be made in {}"),
     ("none", "CommandError: The directory of the database, {}, is not there: make it.")],
)  # fmt: skip
def test_a_directory_that_sqlite_cannot_use_is_named(directory: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    url = f"sqlite:///{tmp_path / directory / 'db.sqlite3'}"
    said = refusal([*WITHOUT_PRIVILEGES, *MIGRATE], tmp_path, DATABASE_URL=url)
    assert said.startswith(why.format(tmp_path / directory))
    assert said.count("\n") == 1


@pytest.mark.slow
def test_a_static_root_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir(mode=0o500)
    collect = [sys.executable, "manage.py", "collectstatic", "--no-input"]
    said = refusal([*WITHOUT_PRIVILEGES, *collect], tmp_path)
    assert said.startswith(f"Permission denied: {tmp_path}/static/")
    assert said.count("\n") == 1


@pytest.mark.slow
def test_nobody_else_can_read_what_is_made_in_a_directory_that_all_can_enter(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "m2m_idp.settings", "VAR_DIR": str(tmp_path)}
    environment.pop("DATABASE_URL", None)
    for arguments in (["migrate", "--no-input", "--verbosity", "0"], ["load_demo"]):
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            env=environment,
            check=True,
            umask=0o022,
        )
    with serve(tmp_path, 1, {**environment, "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}) as server:
        assert server.post("/oidc_m2m/token", data="client_id=app&client_secret=secret&grant_type=client_credentials",
                           headers={"Content-Type": "application/x-www-form-urlencoded"}).ok  # fmt: skip
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode)
            for path in tmp_path.iterdir()
            if path.suffix != ".log"
        }
        assert {"db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm", "demo.env"} <= modes.keys()
        assert {name: oct(mode) for name, mode in modes.items() if mode != 0o600} == {}
        assert "Other users" not in server.settled_log()
    (tmp_path / "db.sqlite3").chmod(0o644)
    with serve(tmp_path, 1, {**environment, "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}) as server:
        assert (
            f"Other users of this host can read {tmp_path}/db.sqlite3. Run chmod 600" in server.settled_log()
        )


@pytest.mark.slow
@pytest.mark.django_db
def test_a_console_without_its_files_says_so_and_finds_them_without_a_restart(tmp_path: Path) -> None:
    with serve(tmp_path, 1, {"VAR_DIR": str(tmp_path), "DATABASE_URL": database_url()}) as server:
        assert re.search(r"The console has no pages: \d+ of its files are not in \S+. Run manage.py collectstatic",
                         server.settled_log())  # fmt: skip
        for path in ("/admin/", "/admin/login/"):
            answer = server.get(path)
            assert answer.status_code == 503
            assert "<code>manage.py collectstatic</code>" in answer.text
        assert server.get("/oidc_m2m/jwks").status_code == 200
        with_static_files(tmp_path)
        assert_the_console_looks_right(server.get("/admin/login/").text, server.url)
        (manifest := tmp_path / "static/staticfiles.json").write_text('{"version": "1.1", "paths": {}}')
        shutil.rmtree(tmp_path / "static/admin")
    with serve(tmp_path, 1, {"VAR_DIR": str(tmp_path), "DATABASE_URL": database_url()}) as server:
        assert server.get("/admin/login/").status_code == 503, "an older version's files"
        manifest.unlink()
        with_static_files(tmp_path)
        assert_the_console_looks_right(server.get("/admin/login/").text, server.url)


def assert_the_console_looks_right(page: str, url: str) -> None:
    names = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(names) > 3
    assert {requests.get(url + name, timeout=10).status_code for name in names} == {200}
