"""The pinned requirements serve every Python that the product supports, whichever one compiled them."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires

import pytest
from django.conf import settings
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = settings.BASE_DIR
PYTHONS = ("3.11.0", "3.11.2", "3.11.3", "3.12.0", "3.13.0", "3.14.0")
"""Debian 12 has 3.11.2. Packages that mend the standard library are asked for by the patch release."""
NAMES = ["requirements.txt", "requirements-pkcs11.txt", "requirements-dev.txt"]


def environment(python: str) -> dict[str, str]:
    """This machine, with that Python."""
    own = {name: str(value) for name, value in default_environment().items()}
    version = ".".join(python.split(".")[:2])
    return own | {"python_full_version": python, "python_version": version, "implementation_version": python}


def pinned(name: str, where: dict[str, str]) -> set[str]:
    """What pip installs from the file there."""
    lines = re.findall(r"^([a-z].*?) \\$", (ROOT / name).read_text(), flags=re.MULTILINE)
    found = [Requirement(line) for line in lines]
    return {entry.name for entry in found if entry.marker is None or entry.marker.evaluate(where)}


def asked_for(name: str) -> list[Requirement]:
    """What pyproject.toml asks for, with the extra that the file is compiled for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = name.removeprefix("requirements").removesuffix(".txt").removeprefix("-")
    texts = project["dependencies"] + (project["optional-dependencies"][extra] if extra else [])
    return [Requirement(text) for text in texts]


def needed(wanted: list[Requirement], where: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Each package that these come to need there, with the one that asks for it.

    What is not installed here, such as a package for another Python, is asked nothing further.
    """
    rest, seen = [("pyproject.toml", entry) for entry in wanted], set()
    while rest:
        by, entry = rest.pop()
        name = canonicalize_name(entry.name)
        yield by, name
        for extra in {"", *entry.extras}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            rest += [(name, more) for more in asked_by(name) if applies(more, where | {"extra": extra})]


def asked_by(name: str) -> list[Requirement]:
    try:
        return [Requirement(text) for text in requires(name) or []]
    except PackageNotFoundError:
        return []


def applies(requirement: Requirement, where: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(where)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_a_python_needs_is_missing(name: str, python: str) -> None:
    where = environment(python)
    found = pinned(name, where)
    missing = {
        f"{package}, for {by}" for by, package in needed(asked_for(name), where) if package not in found
    }
    assert not missing


def test_every_python_from_the_oldest_on_is_looked_at() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = project["requires-python"].removeprefix(">=")
    assert PYTHONS[0] == f"{oldest}.0"
    assert f"--python-version {oldest} " in (ROOT / "Makefile").read_text()
