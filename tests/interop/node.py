"""The scripts of tests/interop/npm: each reads one JSON object and writes one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "npm"
NODE = Path(sys.executable).parent / "node"


def environment(ca: str) -> dict[str, str]:
    """In which Node trusts the server."""
    return os.environ | {"NODE_EXTRA_CA_CERTS": ca}


def told_by(script: str, question: dict[str, Any], *, ca: str) -> dict[str, Any]:
    run = subprocess.run(
        [NODE, HERE / script],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment(ca),
    )
    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout)
    return told
