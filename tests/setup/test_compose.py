"""compose.yaml: every documented setting reaches the server, whatever characters a value has."""

import re
from collections.abc import Mapping

import pytest
from django.conf import settings
from ruamel.yaml import YAML

from m2m_idp import env
from tests.m2m_idp.test_environment import REAL

ROOT = settings.BASE_DIR
OF_THE_IMAGE = {"BIND", "VAR_DIR", "STATIC_ROOT"}
"""What the Dockerfile sets and its volumes rest on."""
VARIABLE = re.compile(r"\$\{([A-Z_0-9]+):-((?:[^${}]|\$\{[^{}]*\})*)\}")


def server_environment(outside: Mapping[str, str]) -> dict[str, str]:
    """What the container of the server gets from a shell or .env with these, as Compose interpolates."""
    compose = YAML(typ="safe").load((ROOT / "compose.yaml").read_text())
    given = compose["services"]["server"]["environment"]
    found = {
        name: outside.get(name) if text is None else expanded(str(text), outside)
        for name, text in given.items()
    }
    return {name: value for name, value in found.items() if value is not None}


def expanded(text: str, outside: Mapping[str, str]) -> str:
    return VARIABLE.sub(lambda found: outside.get(found[1]) or expanded(found[2], outside), text)


def documented() -> set[str]:
    """The names in the table of docs/settings.md, and what it says of gunicorn."""
    text = (ROOT / "docs" / "settings.md").read_text()
    rows = re.findall(r"^\| (`[^|]+) \|", text, flags=re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([A-Z0-9_]+)`", row)} | {"GUNICORN_CMD_ARGS"}


def test_every_documented_setting_reaches_the_server() -> None:
    outside = {name: f"value of {name}" for name in documented()}
    assert len(outside) > 25
    given = server_environment(outside)
    assert {name: given.get(name) for name in outside.keys() - OF_THE_IMAGE} == {
        name: value for name, value in outside.items() if name not in OF_THE_IMAGE
    }


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "KEY_ENCRYPTION_KEYS", "SECRET_PEPPERS", "CACHE_URL", "PKCS11_PIN"]
)
def test_the_file_of_a_secret_reaches_the_server(name: str) -> None:
    assert server_environment({f"{name}_FILE": "/run/secrets/x"})[f"{name}_FILE"] == "/run/secrets/x"
    assert name not in server_environment({})


@pytest.mark.parametrize("password", ["a/b?c%d#e@f:g", "%41", "m2m-idp"])
def test_a_password_of_any_characters_reaches_the_database(password: str) -> None:
    compose = YAML(typ="safe").load((ROOT / "compose.yaml").read_text())
    outside = {"POSTGRES_PASSWORD": password}
    text = compose["services"]["database"]["environment"]["POSTGRES_PASSWORD"]
    database = env.read(REAL | server_environment(outside) | {"PUBLIC_URL": REAL["PUBLIC_URL"]}).database
    assert database["PASSWORD"] == expanded(text, outside) == password
    assert (database["USER"], database["HOST"], database["NAME"]) == ("m2m-idp", "database", "m2m-idp")


def test_a_url_with_a_password_of_its_own_keeps_it() -> None:
    given = server_environment({"DATABASE_URL": "postgres://idp:own@db/idp"})
    assert env.read(REAL | given | {"PUBLIC_URL": REAL["PUBLIC_URL"]}).database["PASSWORD"] == "own"
