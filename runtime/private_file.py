"""A file of NAME=value lines for its owner's eyes only. Used before Django is set up: no models here."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path


def draft_beside(path: Path, values: Mapping[str, str]) -> Path:
    """The file, on disk, under a name that nobody knows beside its own: rename or link it there."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
        file.flush()
        os.fsync(file.fileno())
    return draft
