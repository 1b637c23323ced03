"""The files that set a server up agree with each other."""

import re
import tomllib

import pytest
from django.conf import settings

from m2m_idp.env import DRAIN_SECONDS
from m2m_idp.stopping import SETTLING

ROOT = settings.BASE_DIR


def pinned(name: str) -> dict[str, str]:
    """What a requirements file pins: each package with the text of its entry."""
    entries = re.split(r"^(?=[a-z])", (ROOT / name).read_text(), flags=re.MULTILINE)[1:]
    return {entry.partition("==")[0]: entry for entry in entries}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-pkcs11.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_with_hashes_and_names_no_host(name: str) -> None:
    assert all("--hash=sha256:" in entry and "==" in entry for entry in pinned(name).values())
    assert "://" not in (ROOT / name).read_text()


def test_the_requirements_are_those_of_the_project_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime = pinned("requirements.txt")
    assert {_package(text) for text in project["dependencies"]} <= runtime.keys()
    for extra in ("pkcs11", "dev"):
        more = pinned(f"requirements-{extra}.txt")
        assert {_package(text) for text in project["optional-dependencies"][extra]} <= more.keys()
        assert all(more[package].split()[0] == entry.split()[0] for package, entry in runtime.items())


def test_the_documentation_names_every_setting() -> None:
    code = "".join(path.read_text() for path in (ROOT / "m2m_idp").glob("env*.py"))
    read = set(re.findall(r'env, "([A-Z0-9_]+)"|env\.\w+\("([A-Z0-9_]+)"', code))
    names = {name for pair in read for name in pair if name}
    table = (ROOT / "docs" / "settings.md").read_text()
    assert len(names) > 10
    assert not [name for name in names if f"`{name}`" not in table]


def test_the_image_holds_every_app_and_no_more_than_it_needs() -> None:
    allowed = {
        line.removeprefix("!").split("/")[0]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    files = {"manage.py", "requirements.txt", "requirements-pkcs11.txt", "LICENSE"}
    assert allowed == {*layers, "deploy", "static", "templates", *files}


def test_a_server_has_stopped_before_it_would_be_killed() -> None:
    server = re.search(
        r"^graceful_timeout = (\d+)$", (ROOT / "m2m_idp/gunicorn.conf.py").read_text(), re.MULTILINE
    )
    systemd = re.search(
        r"^TimeoutStopSec=(\d+)$", (ROOT / "deploy/m2m-idp.service").read_text(), re.MULTILINE
    )
    compose = re.search(r"stop_grace_period: (\d+)s", (ROOT / "compose.yaml").read_text())
    assert server
    assert systemd
    assert compose
    assert DRAIN_SECONDS + SETTLING + int(server[1]) < min(int(systemd[1]), int(compose[1]))


def _package(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)
    assert name
    return name[0].lower().replace("_", "-").replace(".", "-")
