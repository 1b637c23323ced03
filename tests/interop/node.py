"""The scripts of tests/interop/npm: each reads one JSON object and writes one."""

import os
import sys
from pathlib import Path
from typing import Any

from tests.interop import programs

HERE = Path(__file__).parent / "npm"
NODE = Path(sys.executable).parent / "node"


def environment(ca: str) -> dict[str, str]:
    """In which Node trusts the server."""
    return os.environ | {"NODE_EXTRA_CA_CERTS": ca}


def answers_of(script: str, question: dict[str, Any], *, ca: str) -> dict[str, Any]:
    return programs.answers_of([NODE, HERE / script], question, environment=environment(ca))
