"""Programs that a compiler makes of tests/interop: each reads one JSON object and writes one."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SECONDS_TO_COMPILE = 1800


def compiled(tool: str, *words: str | Path, directory: str) -> None:
    if shutil.which(tool) is None:
        pytest.fail(f"{tool} is not on the PATH: install it, then run `make interop` again.", pytrace=False)
    done = subprocess.run(
        [tool, *words],
        cwd=HERE / directory,
        capture_output=True,
        text=True,
        timeout=SECONDS_TO_COMPILE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def answers_of(
    program: Sequence[str | Path], question: dict[str, Any], *, environment: dict[str, str]
) -> dict[str, Any]:
    """`environment` is added to that of the tests."""
    run = subprocess.run(
        program,
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | environment,
    )
    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout)
    return told
