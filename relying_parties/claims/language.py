"""The claim template language: JSON whose strings may hold `${namespace.name}`.

Plain substitution: no code, no attribute access, no nesting. A string that is one whole placeholder keeps the value's
type; inside a longer string the value is text. `${request.param_x|fallback}` gives a default.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from formats.json_value import json_problem
from relying_parties.claims.token_types import TokenType

MAX_LENGTH = 8_192
MAX_DEPTH = 8
MAX_PLACEHOLDERS = 100

NAMES = {
    "client": frozenset({"client_id", "name", "description", "contact"}),
    "issuer": frozenset({"url", "path", "name"}),
    "grant": frozenset({"scope", "audience"}),
}
"""The namespaces with fixed names; `globals` and `request` have names of their own."""

CREDENTIAL_PARAMETERS = frozenset({"client_secret", "client_assertion"})
"""Hidden from every template, rule and trace."""

ISSUERS_OWN_CLAIMS = frozenset({"iat", "exp", "nbf", "jti", "client_id", "scope", "cnf"})
ISSUERS_OWN_HEADERS = frozenset({"alg", "kid", "crit", "jwk", "jku", "x5u", "x5t", "x5c", "x5t#S256", "b64"})

PLACEHOLDER = re.compile(
    r"\$\{(?P<namespace>[a-z]+)\.(?P<name>[A-Za-z0-9_.-]+)(?:\|(?P<fallback>[^{}|]*))?\}"
)
SHAPE = "A placeholder is ${namespace.name}, or ${request.param_name|fallback}"


class MissingValueError(Exception):
    """A placeholder has no value and no fallback."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"${{{reference}}} has no value.")
        self.reference = reference


@dataclass(frozen=True, slots=True)
class Placeholder:
    namespace: str
    name: str
    fallback: str | None = None

    @property
    def reference(self) -> str:
        return f"{self.namespace}.{self.name}"

    @property
    def parameter(self) -> str:
        """The request parameter that this reads, empty for another namespace."""
        return self.name.removeprefix("param_") if self.namespace == "request" else ""

    def value(self, context: Mapping[str, Any]) -> Any:
        value = context.get(self.reference)
        if value is not None:
            return value
        if self.fallback is None:
            raise MissingValueError(self.reference)
        return self.fallback


Node = Any
"""A compiled template: a constant, a Placeholder, a tuple of text parts, a list or a dict of nodes."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string with placeholders inside."""

    parts: tuple[str | Placeholder, ...]

    def value(self, context: Mapping[str, Any]) -> str:
        return "".join(
            part if isinstance(part, str) else _as_text(part.value(context)) for part in self.parts
        )


def compile_template(value: Any) -> Node:
    """Compile JSON into nodes. Raises ValidationError that names the position."""
    if error := json_problem(value, longest=MAX_LENGTH):
        raise ValidationError(error)
    node = _compile(value, path="", depth=0)
    if sum(1 for _ in placeholders(node)) > MAX_PLACEHOLDERS:
        raise ValidationError(f"At most {MAX_PLACEHOLDERS} placeholders.")
    return node


def render(node: Node, context: Mapping[str, Any]) -> Any:
    """Replace the placeholders by the values of `context` (`"client.name": ...`). Raises MissingValueError."""
    if isinstance(node, Placeholder | Text):
        return node.value(context)
    if isinstance(node, dict):
        return {name: render(member, context) for name, member in node.items()}
    if isinstance(node, list):
        return [render(member, context) for member in node]
    return node


def placeholders(node: Node) -> Iterator[Placeholder]:
    if isinstance(node, Placeholder):
        yield node
    elif isinstance(node, Text):
        yield from (part for part in node.parts if isinstance(part, Placeholder))
    elif isinstance(node, dict | list):
        for member in node.values() if isinstance(node, dict) else node:
            yield from placeholders(member)


def claims_problems(claims: Any) -> list[str]:
    """What is wrong with the claims of a template, for any relying party."""
    problems = _problems(claims, what="claims", reserved=ISSUERS_OWN_CLAIMS)
    if problems:
        return problems
    node = compile_template(claims)
    for name in ("iss", "sub", "aud"):
        for placeholder in placeholders(node.get(name)):
            if placeholder.namespace == "request":
                problems.append(
                    f"{name}: cannot depend on the request, as ${{{placeholder.reference}}} does."
                )
            elif placeholder.namespace == "grant" and (name, claims[name]) != ("aud", "${grant.audience}"):
                problems.append(
                    f"{name}: cannot depend on what is granted, as ${{{placeholder.reference}}} does."
                )
    return problems


def headers_problems(headers: Any) -> list[str]:
    """What is wrong with the headers of a template, for any relying party."""
    problems = _problems(headers, what="headers", reserved=ISSUERS_OWN_HEADERS)
    if not problems and headers.get("typ", TokenType.AT_JWT) not in TokenType.values:
        problems.append(f"typ: must be one of {', '.join(TokenType.values)}.")
    return problems


def _problems(value: Any, *, what: str, reserved: frozenset[str]) -> list[str]:
    if not isinstance(value, dict):
        return [f"The {what} are a JSON object."]
    try:
        compile_template(value)
    except ValidationError as error:
        return list(error.messages)
    return [f"{name}: set by the issuer, not by a template." for name in sorted(reserved & value.keys())]


def _compile(value: Any, *, path: str, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise ValidationError(f"{path}: nested deeper than {MAX_DEPTH}.")
    if isinstance(value, str):
        return _compile_string(value, path=path)
    if isinstance(value, list):
        return [
            _compile(member, path=f"{path}[{index}]", depth=depth + 1) for index, member in enumerate(value)
        ]
    if isinstance(value, dict):
        return {
            _checked_name(name, path=path): _compile(
                member, path=f"{path}.{name}".lstrip("."), depth=depth + 1
            )
            for name, member in value.items()
        }
    return value


def _checked_name(name: object, *, path: str) -> str:
    if not isinstance(name, str):
        raise ValidationError(f"{path or 'top'}: a member's name is a text ({name}).")
    if "${" in name:
        raise ValidationError(f"{path or 'top'}: a member's name cannot hold a placeholder ({name}).")
    return name


def _compile_string(text: str, *, path: str) -> Node:
    parts: list[str | Placeholder] = []
    end = 0
    for match in PLACEHOLDER.finditer(text):
        parts += [text[end : match.start()], _checked_placeholder(match, path=path)]
        end = match.end()
    parts.append(text[end:])
    if any(isinstance(part, str) and "${" in part for part in parts):
        raise ValidationError(f"{path}: {SHAPE}. This is not one: {text}")
    parts = [part for part in parts if part != ""]
    if not any(isinstance(part, Placeholder) for part in parts):
        return text
    return parts[0] if len(parts) == 1 else Text(tuple(parts))


def _checked_placeholder(match: re.Match[str], *, path: str) -> Placeholder:
    placeholder = Placeholder(match["namespace"], match["name"], match["fallback"])
    check: Callable[[Placeholder], str | None] = {
        "request": _request_problem,
        "globals": _global_problem,
    }.get(placeholder.namespace, _fixed_problem)
    if problem := check(placeholder):
        raise ValidationError(f"{path}: {match[0]}: {problem}")
    if placeholder.fallback is not None and placeholder.namespace != "request":
        raise ValidationError(f"{path}: {match[0]}: only a request parameter can have a fallback.")
    return placeholder


def _request_problem(placeholder: Placeholder) -> str | None:
    if not placeholder.name.startswith("param_") or not placeholder.parameter:
        return "a request parameter x is request.param_x."
    if placeholder.parameter in CREDENTIAL_PARAMETERS:
        return "a credential never becomes a claim."
    return None


def _global_problem(placeholder: Placeholder) -> str | None:
    return (
        None
        if placeholder.name.isidentifier()
        else "a global variable's name has letters, digits and underscores."
    )


def _fixed_problem(placeholder: Placeholder) -> str | None:
    names = NAMES.get(placeholder.namespace)
    if names is None:
        return f"the namespaces are {', '.join(sorted([*NAMES, 'globals', 'request']))}."
    if placeholder.name not in names:
        return f"{placeholder.namespace} has {', '.join(sorted(names))}."
    return None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
