"""The table of docs/interoperability.md, from the rows that the tests declare: `python -m tests.interop.table`.

A test declares what it shows: `@interoperates(Row("Authlib", ...))`, one or more for a test.
"""

import importlib
import json
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import django
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "interoperability.md"
TABLE = re.compile(r"^\|.*\n(?:\|.*\n)*", re.MULTILINE)
HEAD = "| Client or verifier | Version tested | What has to be set in it | Seen |\n|---|---|---|---|\n"


class Role(StrEnum):
    CLIENT = "client"
    VERIFIER = "verifier"


@dataclass(frozen=True, slots=True)
class Row:
    """What one client or verifier needs. All texts are Markdown, and for operators."""

    name: str
    package: str
    """Its name, and where it comes from: "`msal` of PyPI"."""
    version: str
    """Read from what pins it (`pypi`, `npm`, `go`, `cargo`, `maven`), so that an upgrade changes the page."""
    role: Role
    told: str
    """Each setting beyond the issuer's URL, the client id and its credential, the audience and a key set's URL."""
    seen: str
    """What the test saw."""

    @property
    def line(self) -> str:
        cells = (f"**{self.name}**, {self.role}, {self.package}", self.version, self.told, self.seen)
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def interoperates(*rows: Row) -> pytest.MarkDecorator:
    return pytest.mark.interoperates(*rows)


def pypi(package: str, *, requirements: Path = ROOT / "requirements-dev.txt") -> str:
    """The version that the compiled requirements pin."""
    found = re.search(
        rf"^{re.escape(package)}(?:\[.*\])?==([^ ;\\]+)", requirements.read_text(), re.MULTILINE
    )
    assert found, f"{requirements.name} does not pin {package}."
    return found[1]


def npm(package: str) -> str:
    """The version that the lock pins."""
    lock = json.loads((HERE / "npm" / "package-lock.json").read_text())
    return str(lock["packages"][f"node_modules/{package}"]["version"])


def go(module: str) -> str:
    """The version that go.mod requires."""
    required = (HERE / "go" / "go.mod").read_text()
    found = re.search(rf"^\t{re.escape(module)} v(\S+)", required, re.MULTILINE)
    assert found, f"go.mod does not require {module}."
    return found[1]


def cargo(crate: str) -> str:
    """The version that the lock pins."""
    locked = tomllib.loads((HERE / "rust" / "Cargo.lock").read_text())["package"]
    versions = [package["version"] for package in locked if package["name"] == crate]
    assert len(versions) == 1, f"Cargo.lock has {len(versions)} versions of {crate}, not one."
    return str(versions[0])


def maven(artifact: str) -> str:
    """The version that pom.xml pins, of the artifact with this id."""
    pom = (HERE / "java" / "pom.xml").read_text()
    found = re.search(rf"<artifactId>{re.escape(artifact)}</artifactId>\s*<version>([^<]+)</version>", pom)
    assert found, f"pom.xml does not pin {artifact}."
    return found[1]


def declared() -> list[Row]:
    """The rows of all tests in this directory and the directories in it: clients first, by name."""
    return sorted(set(_rows()), key=lambda row: (row.role, row.name.casefold(), row.package))


def _rows() -> Iterator[Row]:
    for path in (*HERE.glob("test_*.py"), *HERE.glob("*/test_*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for test in vars(importlib.import_module(name)).values():
            for mark in _marks(test):
                yield from mark.args


def _marks(test: object) -> list[pytest.Mark]:
    marks = getattr(test, "pytestmark", None)
    return [mark for mark in marks if mark.name == "interoperates"] if isinstance(marks, list) else []


def written(page: str, rows: list[Row]) -> str:
    """The page with its one table replaced."""
    table = HEAD + "".join(row.line for row in rows)
    text, found = TABLE.subn(lambda _: table, page)
    assert found == 1, f"The page has {found} tables, not one."
    return text


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    PAGE.write_text(written(PAGE.read_text(), declared()))
