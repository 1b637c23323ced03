"""A database of a benchmark's own: an SQLite file that goes with its directory, or the empty one of DATABASE_URL."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def empty_database() -> Iterator[None]:
    """In the block it is migrated, and the models can be imported."""
    with tempfile.TemporaryDirectory(prefix="m2m-idp-volume-") as directory:
        os.environ |= {
            "VAR_DIR": directory,
            "DJANGO_SETTINGS_MODULE": "m2m_idp.settings",
            "MAINTAIN_EVERY": "0",
        }
        for command in (["migrate"], ["collectstatic", "--no-input"]):
            subprocess.run([sys.executable, "manage.py", *command, "--verbosity", "0"], cwd=ROOT, check=True)
        sys.path.insert(0, str(ROOT))
        django.setup()
        yield
