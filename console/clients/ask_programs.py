"""Whole programs that ask for a token, by a client's method: the files that the tests of docs/integrate.md run."""

import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from relying_parties.models import RelyingParty

FOLDER = Path(__file__).parent / "programs"
"""A folder a method, a file a language."""
LANGUAGES = {"python": "Python", "node": "Node.js", "java": "Java", "go": "Go"}


@dataclass(frozen=True, slots=True)
class Program:
    """It reads TOKEN_URL, CLIENT_ID and CLIENT_SECRET from its environment."""

    name: str
    language: str
    text: str


def programs_for(relying_party: RelyingParty) -> tuple[Program, ...]:
    """None for a method whose proof each platform makes in its own way."""
    return _programs_of(str(relying_party.token_endpoint_auth_method))


def environment_of(relying_party: RelyingParty) -> str:
    """The commands of a shell that set it; the secret is typed, so that no history keeps it."""
    url, client_id = f"{relying_party.issuer.url}/token", relying_party.client_id
    return (
        f"export TOKEN_URL={shlex.quote(url)} CLIENT_ID={shlex.quote(client_id)}\n"
        "read -rs CLIENT_SECRET && export CLIENT_SECRET"
    )


@cache
def _programs_of(method: str) -> tuple[Program, ...]:
    files = ((name, language, FOLDER / method / f"{name}.txt") for name, language in LANGUAGES.items())
    return tuple(
        Program(name, language, file.read_text()) for name, language, file in files if file.is_file()
    )
