"""P10.21: each refusal of the token endpoint has a reason of its own, and a step that it belongs to."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import issuance
from issuance.client_auth.throttle import limit_in_words
from issuance.outlook.reasons import STEP_OF, Reason, Step, reason_of
from issuance.wire import errors
from issuance.wire.errors import OAuthError

pytestmark = pytest.mark.contract("P10.21")

ROOM = Path(inspect.getfile(issuance)).parent
ERRORS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, OAuthError)
}
OF_OTHER_ENDPOINTS = (
    "Nobody signs in here.",
    "The issuer advertises no authorization endpoint.",
    "The issuer does not list this origin in cors_origins.",
)
"""They leave no row."""
VALUES = {
    "missing": "client_assertion is missing",
    "how_many": "2 APIs grant",
    "limit_in_words(limit, source)": limit_in_words(20, "192.0.2.7/32"),
}
"""What stands in some texts instead of a number, by its expression."""
WRITERS = {
    "authenticate.py": ("_registration_problem", "_why_method_is_off"),
    "client_secret.py": ("_why_none_matched", "_why_it_ended", "_why_nearly_right", "why_no_secret_counts"),
    "binding.py": ("why_dpop_is_impossible",),
}
"""Functions whose texts become the detail of a refusal."""


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(ROOM.rglob("*.py")):
        yield path, ast.parse(path.read_text())


def refusals() -> Iterator[tuple[str, str]]:
    """The error and the detail of each refusal whose text stands where it is made."""
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
                yield ERRORS[node.func.id].error, written(node.args[0])


def written_elsewhere() -> Iterator[tuple[str, str]]:
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name in WRITERS.get(path.name, ()):
                error = "invalid_dpop_proof" if path.name == "binding.py" else "invalid_client"
                returned = (
                    found for found in ast.walk(node) if isinstance(found, ast.Return) and found.value
                )
                yield from ((error, written(found.value)) for found in returned if found.value)


def written(text: ast.expr) -> str:
    """With a number in place of each value; empty for what no text begins."""
    if isinstance(text, ast.BoolOp):
        return written(text.values[-1])
    if isinstance(text, ast.IfExp):
        return written(text.orelse)
    if isinstance(text, ast.Constant):
        return str(text.value)
    if isinstance(text, ast.JoinedStr):
        return "".join(map(_part, text.values))
    return ""


def _part(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        return VALUES.get(ast.unparse(part.value), "7")
    return str(ast.literal_eval(part))


def test_each_refusal_has_a_reason() -> None:
    found = {text for text in (*refusals(), *written_elsewhere()) if text[1]}
    unknown = {detail for error, detail in found if reason_of(error=error, detail=detail) == Reason.UNKNOWN}
    assert unknown == set(OF_OTHER_ENDPOINTS)
    assert len(found) > 60


def test_each_reason_is_one_that_a_refusal_has() -> None:
    """Those of keys and claim templates are written by other rooms, or by functions."""
    found = {reason_of(error=error, detail=detail) for error, detail in (*refusals(), *written_elsewhere())}
    assert set(Reason) - found == {Reason.NO_SIGNING_KEY, Reason.KEY_UNREADABLE, Reason.CLIENT_DISABLED}


def test_each_reason_belongs_to_a_step() -> None:
    assert set(Reason) - set(STEP_OF) == {Reason.DATABASE_AWAY, Reason.DEFECT, Reason.UNKNOWN}
    assert set(STEP_OF.values()) == set(Step)


@pytest.mark.parametrize(
    ("error", "detail", "reason"),
    [
        (
            "invalid_client",
            "The client is not active. The secret is right (secret:7).",
            Reason.CLIENT_DISABLED,
        ),
        ("temporarily_unavailable", f"The secret is empty. {limit_in_words(20, '::1/128')}", Reason.GUESSES),
        (
            "temporarily_unavailable",
            "Key 7 is encrypted under the key-encryption key 'k1'",
            Reason.KEY_UNREADABLE,
        ),
        ("temporarily_unavailable", "M2M has no active RS256 key. Create one first", Reason.NO_SIGNING_KEY),
        ("invalid_client", "The client assertion is refused. Its iss is No such client", Reason.ASSERTION),
        ("invalid_target", f"The resource {limit_in_words(20, 'x')} is not granted.", Reason.API_NOT_GRANTED),
        ("invalid_client", "The relying party is not active.", Reason.CLIENT_DISABLED),
        ("invalid_scope", "2 resource servers grant read: name one.", Reason.SCOPE_OF_SEVERAL_APIS),
        ("invalid_client", "A text of another version.", Reason.UNKNOWN),
        ("a_new_error", "The client is not active.", Reason.UNKNOWN),
    ],
)
def test_a_reason_is_read_from_error_and_detail(error: str, detail: str, reason: Reason) -> None:
    assert reason_of(error=error, detail=detail) == reason
