"""What a preset is: what is known of a platform's tokens, and the parts that the operator is asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from formats.patterns import literal_pattern
from relying_parties.models import KeysFrom

HOUR, DAY = 3_600, 86_400

# What answers may be, as regular expressions.
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NUMBER = r"[0-9]{1,30}"
HTTPS = r"https://[!-~]+"
HTTPS_WITHOUT_LAST_SLASH = r"https://[!-~]*[!-.0-~]"
WITHOUT_COLON = r"[^\s:]+"
NAME_WITHOUT_COLON = r"[^\s:]([^:\n]*[^\s:])?"
"""These may contain blanks."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something to ask for. `pattern` is a regular expression of the whole answer."""

    name: str
    label: str
    help_text: str
    pattern: str
    default: str = ""
    is_optional: bool = False

    def problem(self, answer: str) -> str | None:
        """What is wrong with an answer, None if nothing is."""
        if not answer:
            return None if self.is_optional else f"{self.label} is missing."
        if re.fullmatch(self.pattern, answer):
            return None
        return f"Not of the right form. {self.help_text}"


@dataclass(frozen=True, slots=True)
class Pin:
    """A claim that the token must have. `value` is a boolean, a text with `{part}` in it or an object of such."""

    claim: str
    value: Any
    why: str


@dataclass(frozen=True, slots=True)
class Preset:
    """Texts with `{part}` in them are filled in with the answers."""

    slug: str
    name: str
    about: str
    how: str
    """How the workload gets its token; `{audience}` is the audience that it asks for."""
    issuer_name: str
    issuer_url: str
    parts: tuple[Part, ...]
    subject: str
    pins: tuple[Pin, ...] = ()
    subject_is_pattern: bool = False
    """The subject is a regular expression (RE2), into which the answers are filled as literal text."""
    audience: str = ""
    """Empty: the URL of the issuer that is asked for tokens here."""
    max_assertion_lifetime: int = HOUR
    keys_from: KeysFrom = KeysFrom.DISCOVERY


@dataclass(frozen=True, slots=True)
class Filled:
    """The fields of a trusted issuer and of a federated credential, without names and owners."""

    trusted_issuer: Mapping[str, Any]
    credential: Mapping[str, Any]


def answer_problems(preset: Preset, answers: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the answers, by the part's name; empty if all can be used."""
    problems = {part.name: part.problem(answers.get(part.name, "")) for part in preset.parts}
    return {name: problem for name, problem in problems.items() if problem}


def filled(preset: Preset, answers: Mapping[str, str], *, jwks: Any = None) -> Filled:
    """From answers that have no problem. Keys that are given are used instead of an address to fetch them from."""
    values = {part.name: answers.get(part.name, "") for part in preset.parts}
    return Filled(
        trusted_issuer={
            "issuer_url": preset.issuer_url.format_map(values),
            "audience": preset.audience.format_map(values),
            "max_assertion_lifetime": preset.max_assertion_lifetime,
            "keys_from": preset.keys_from if jwks is None else KeysFrom.JWKS,
            "jwks": jwks,
        },
        credential={
            "subject": preset.subject.format_map(
                {name: literal_pattern(value) for name, value in values.items()}
                if preset.subject_is_pattern
                else values
            ),
            "subject_is_pattern": preset.subject_is_pattern,
            "claims": _claims({pin.claim: pin.value for pin in preset.pins}, values),
        },
    )


def _claims(template: Any, values: Mapping[str, str]) -> Any:
    """A claim is left out if nothing remains of it because an optional part has no answer."""
    if isinstance(template, str):
        return template.format_map(values)
    if not isinstance(template, dict):
        return template
    members = {name: _claims(value, values) for name, value in template.items()}
    return {name: value for name, value in members.items() if value not in ("", {})}
