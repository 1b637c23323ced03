"""Where a secret of the file comes from: never from the file itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from configuration.document import Node
from configuration.values import typed

LONGEST_FILE = 64 * 1024
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a file's references lead to: the environment, and the folder from which its paths are counted."""

    environment: Mapping[str, str]
    folder: Path


@dataclass(frozen=True, slots=True)
class FromEnvironment:
    name: str

    def read(self, surroundings: Surroundings) -> str:
        """Raises ValueError, without anything of a value."""
        text = surroundings.environment.get(self.name)
        if not text:
            raise ValueError(f"the environment variable {self.name} is not set, or empty.")
        if not text.isprintable():
            raise ValueError(f"the environment variable {self.name} holds a character that is not printable.")
        return text


@dataclass(frozen=True, slots=True)
class FromFile:
    path: str

    def read(self, surroundings: Surroundings) -> str:
        """The file's text without one newline at its end. Raises ValueError, without anything of a value."""
        path = surroundings.folder / self.path
        try:
            with path.open("rb") as file:
                data = file.read(LONGEST_FILE + 1)
            text = data.decode()
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not UTF-8.") from None
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}.") from error
        if not text or len(data) > LONGEST_FILE:
            raise ValueError(f"{path} is empty, or longer than {LONGEST_FILE} bytes.")
        return text.removesuffix("\n").removesuffix("\r")


SecretSource = FromEnvironment | FromFile


def secret_source(node: Node) -> SecretSource:
    """`{env: NAME}` or `{file: PATH}`. Raises ValueError."""
    match typed(node, dict):
        case {"env": name, **others} if not others:
            if not VARIABLE.match(typed(name, str)):
                raise ValueError("env is the name of an environment variable, not a value.")
            return FromEnvironment(name.value)
        case {"file": path, **others} if not others:
            if "\0" in typed(path, str) or not path.value:
                raise ValueError("file is the path of a file.")
            return FromFile(path.value)
        case _:
            raise ValueError("must be {env: NAME} or {file: PATH}.")


def generate_flag(node: Node) -> bool:
    """`true`. Raises ValueError."""
    if typed(node, bool):
        return True
    raise ValueError("must be true; leave it out otherwise.")
