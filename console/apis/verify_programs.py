"""Programs with which an API verifies its tokens: those of docs/verify.md, which the tests run, for one API."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "programs"
LANGUAGES = {"python": "Python, with pyjwt[crypto]", "node": "Node.js, with jose", "spring": "Spring Boot"}
ALGORITHMS, ISSUER, AUDIENCE = '["RS256"]', "https://id.example/oidc_m2m", "https://api.example"
"""What the guide has in the place of the API's own."""


@dataclass(frozen=True, slots=True)
class VerifyProgram:
    language: str
    text: str


def verify_programs(*, issuer: str, audience: str, algorithms: Sequence[str]) -> list[VerifyProgram]:
    """They take ISSUER and AUDIENCE from the environment; Spring's properties name them."""
    own = {ALGORITHMS: json.dumps(list(algorithms)), ISSUER: issuer, AUDIENCE: audience}
    return [VerifyProgram(language, _with(own, _text(name))) for name, language in LANGUAGES.items()]


def _with(own: dict[str, str], text: str) -> str:
    for of_the_guide, its_own in own.items():
        text = text.replace(of_the_guide, its_own)
    return text


@cache
def _text(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text()
