"""The configuration files beside the tests, with the places that a test fills in as @{name}."""

import string
from pathlib import Path

HERE = Path(__file__).parent


class _Template(string.Template):
    delimiter = "@"


def configured(name: str, directory: Path, /, **places: object) -> Path:
    """The file, filled in, in the directory. A place without a value is an error."""
    path = directory / name
    path.write_text(_Template((HERE / name).read_text()).substitute(places))
    return path
