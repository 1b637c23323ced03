"""issuance/checks.py: an operator is told that several processes count on their own."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from pytest_django import Settings

from issuance.checks import shares_counts
from tests.cast import Cast
from tests.server import serve


def test_several_processes_without_a_shared_cache_are_told(settings: Settings) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, web_concurrency=4)
    [notice] = shares_counts()
    assert (notice.id, notice.is_serious()) == ("issuance.I001", False)
    assert "each of 4 worker processes" in notice.msg
    assert "CACHE_URL" in str(notice.hint)


def test_nothing_is_told_of_one_process(settings: Settings) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, web_concurrency=1)
    assert shares_counts() == []


def test_nothing_is_told_where_processes_share_a_cache(settings: Settings) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1"}}
    assert shares_counts() == []


def test_the_check_of_a_deployment_tells_it_and_other_commands_do_not(settings: Settings) -> None:
    def said(*options: str) -> str:
        command = [sys.executable, "manage.py", "check", *options]
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": "m2m_idp.settings"}
        return subprocess.run(
            command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=True
        ).stderr

    assert "(issuance.I001)" in said("--deploy")
    assert said() == ""


def test_the_start_tells_it(cast: Cast, tmp_path: Path) -> None:
    with serve(tmp_path, 2) as server:
        lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert [line["level"] for line in lines if "CACHE_URL" in line["event"]] == ["info"]
