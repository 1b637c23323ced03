"""relying_parties/claims/language.py: the language of `${...}`, and what no template may say."""

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import example, given
from hypothesis import strategies as st

from relying_parties.claims.language import (
    CREDENTIAL_PARAMETERS,
    ISSUERS_OWN_CLAIMS,
    ISSUERS_OWN_HEADERS,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_PLACEHOLDERS,
    MissingValueError,
    claims_problems,
    compile_template,
    headers_problems,
    placeholders,
    render,
)

CONTEXT: dict[str, Any] = {
    "client.client_id": "billing",
    "client.name": "Billing & Co",
    "issuer.url": "https://idp.example",
    "grant.scope": "a b",
    "grant.audience": ["x", "y"],
    "globals.list": ["a", 1, None],
    "globals.number": 1.5,
    "globals.no": False,
    "globals.zero": 0,
    "globals.sly": "${client.name} %s {{7*7}} \\1 ${",
    "request.param_env": "prod",
    "request.param_empty": "",
}


def rendered(template: Any) -> Any:
    return render(compile_template(template), CONTEXT)


def refused(template: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        compile_template(template)
    return " ".join(caught.value.messages)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${globals.list}", ["a", 1, None]),
        ("${globals.number}", 1.5),
        ("${globals.no}", False),
        ("${globals.zero}", 0),
        ("${grant.audience}", ["x", "y"]),
        ("${client.name}", "Billing & Co"),
    ],
)
def test_one_whole_placeholder_keeps_its_values_type(text: str, value: Any) -> None:
    assert rendered(text) == value
    assert type(rendered(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (" ${client.client_id}", " billing"),
        ("${client.client_id}@${issuer.url}", "billing@https://idp.example"),
        ("${client.client_id}${client.client_id}", "billingbilling"),
        ("v${globals.number}", "v1.5"),
        ("is ${globals.no}", "is false"),
        ("all: ${globals.list}", 'all: ["a", 1, null]'),
        ("${request.param_env}-${request.param_gone|none}", "prod-none"),
    ],
)
def test_inside_a_longer_string_a_value_is_text(text: str, value: str) -> None:
    assert rendered(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${request.param_env|test}", "prod"),
        ("${request.param_gone|test}", "test"),
        ("${request.param_gone|}", ""),
        ("${request.param_gone|a b:c/$%\\}", "a b:c/$%\\"),
        ("${request.param_empty|test}", ""),
    ],
)
def test_a_fallback_stands_for_a_parameter_that_is_missing(text: str, value: str) -> None:
    assert rendered(text) == value


@pytest.mark.parametrize(
    "reference",
    ["request.param_gone", "globals.gone", "client.contact", "issuer.path", "request.param_x.y-z"],
)
@pytest.mark.parametrize("text", ["${%s}", "x ${%s}"])
def test_a_value_that_is_missing_is_named(text: str, reference: str) -> None:
    with pytest.raises(MissingValueError) as caught:
        rendered({"a": [text.replace("%s", reference)]})
    assert (caught.value.reference, str(caught.value)) == (reference, f"${{{reference}}} has no value.")


def test_a_value_is_never_expanded_again() -> None:
    sly = CONTEXT["globals.sly"]
    assert rendered(["${globals.sly}", "a ${globals.sly}"]) == [sly, f"a {sly}"]


@pytest.mark.contract("P10.6")
@pytest.mark.parametrize(
    "text",
    ["{{7*7}}", "{% debug %}", "%(x)s", "%s", "{0}", "{client.__class__}", "$client", "$$", "$ {client.name}",
     "<%= 7 %>", "#{7*7}", "`id`", "client.name", "}", "|", "$"],
)  # fmt: skip
def test_another_languages_code_is_literal_text(text: str) -> None:
    assert rendered({"claim": text}) == {"claim": text}


@pytest.mark.contract("P10.6")
@pytest.mark.parametrize(
    "text",
    ["${7*7}", "${client.__class__}", "${client.name.upper}", "${client}", "${}", "${ client.name }", "${client.name",
     "${client..name}", "${client.name()}", "${Client.name}", "${client.secret}", "${client.digest}", "${issuer.pk}",
     "${settings.SECRET_KEY}", "${globals.__class__.x}", "${globals.a-b}", "${globals.1x}", "${env.PATH}",
     "${request.env}", "${request.param_}", "${request.param_${client.name}}", "${${client.name}}", "${client.name|x}",
     "${globals.x|y}", "\\${",
     "${request.param_x|a|b}", "${request.param_x|{}}", "${client.name\n}", "${client.náme}", "x${",
     "${client.name}${"],
)  # fmt: skip
def test_what_is_no_placeholder_is_refused(text: str) -> None:
    assert refused({"claim": [text]}).startswith("claim[0]: ")


@pytest.mark.parametrize("parameter", sorted(CREDENTIAL_PARAMETERS))
def test_a_credential_never_becomes_a_claim(parameter: str) -> None:
    assert "a credential never becomes a claim" in refused(f"${{request.param_{parameter}}}")
    assert "a credential never becomes a claim" in refused(f"x ${{request.param_{parameter}|y}}")


def test_a_members_name_is_literal() -> None:
    assert "top: a member's name cannot hold a placeholder" in refused({"${client.name}": 1})
    assert refused({"a": {1: "x"}}).startswith("a: a member's name is a text")


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "\ud800", "\x00", {"\udfff": 1}, {"a\x00": 1}, {1, 2}, b"x", ...],
    ids=ascii,
)  # fmt: skip
def test_what_is_no_json_is_refused(value: Any) -> None:
    assert refused({"claim": value})
    assert claims_problems({"claim": value})
    assert headers_problems({"header": value})


def nested(depth: int) -> Any:
    value: Any = "${client.name}"
    for _ in range(depth):
        value = [value]
    return value


def test_depth_is_capped() -> None:
    compile_template(nested(MAX_DEPTH))
    assert f"nested deeper than {MAX_DEPTH}" in refused(nested(MAX_DEPTH + 1))
    for depth in (500, 2_000, 4_000, 100_000):
        assert refused(nested(depth))


def test_size_is_capped() -> None:
    compile_template("x" * (MAX_LENGTH - 2))
    assert "At most 8,192 characters" in refused("x" * (MAX_LENGTH - 1))


def test_the_number_of_placeholders_is_capped() -> None:
    compile_template(["${client.name}"] * MAX_PLACEHOLDERS)
    assert "At most 100 placeholders" in refused(["${client.name}"] * (MAX_PLACEHOLDERS + 1))
    assert "At most 100 placeholders" in refused("${client.name}" * (MAX_PLACEHOLDERS + 1))


def test_it_says_which_parameters_it_reads() -> None:
    node = compile_template({"a": ["${request.param_x}", "- ${request.param_y|z} ${client.name}"]})
    assert {found.parameter for found in placeholders(node)} == {"x", "y", ""}


@pytest.mark.parametrize("name", sorted(ISSUERS_OWN_CLAIMS))
def test_the_issuers_own_claims_cannot_be_set(name: str) -> None:
    assert claims_problems({name: 1, "mine": 1}) == [f"{name}: set by the issuer, not by a template."]


@pytest.mark.parametrize("name", sorted(ISSUERS_OWN_HEADERS))
def test_the_issuers_own_headers_cannot_be_set(name: str) -> None:
    assert headers_problems({name: 1, "mine": 1}) == [f"{name}: set by the issuer, not by a template."]


@pytest.mark.parametrize("name", ["iss", "sub", "aud"])
def test_who_and_for_whom_never_depend_on_the_request(name: str) -> None:
    for value in ("${request.param_x}", "a ${request.param_x|b}", ["${request.param_x}"]):
        assert claims_problems({name: value}) == [
            f"{name}: cannot depend on the request, as ${{request.param_x}} does."
        ]


def test_only_the_audience_may_be_what_is_granted_and_only_as_it_is() -> None:
    assert claims_problems({"aud": "${grant.audience}", "of": "${grant.scope}"}) == []
    for claims in (
        {"aud": ["${grant.audience}"]},
        {"aud": "${grant.scope}"},
        {"aud": "x ${grant.audience}"},
        {"sub": "${grant.audience}"},
        {"iss": "${grant.audience}"},
    ):
        assert "cannot depend on what is granted" in " ".join(claims_problems(claims))


@pytest.mark.parametrize("typ", ["at+JWT", "jwt", "", None, 1, ["JWT"], "${client.name}", "JOSE", "dpop+jwt"])
def test_typ_is_one_of_two(typ: Any) -> None:
    assert headers_problems({"typ": typ}) == ["typ: must be one of at+jwt, JWT."]
    assert (
        headers_problems({"typ": "JWT"}) == headers_problems({"typ": "at+jwt"}) == headers_problems({}) == []
    )


@pytest.mark.parametrize("value", [None, [], "x", 1, True, [["a", 1]]])
def test_claims_and_headers_are_objects(value: Any) -> None:
    assert claims_problems(value) == ["The claims are a JSON object."]
    assert headers_problems(value) == ["The headers are a JSON object."]


PIECES = st.sampled_from(
    ["${", "}", "$", "{", "|", ".", "client", "name", "globals", "list", "request.param_env", "${client.name}", "grant"]
)  # fmt: skip
STRINGS = st.text() | st.lists(PIECES | st.text(max_size=2), max_size=8).map("".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | STRINGS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STRINGS | st.integers(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
@example("${request.param_x|${client.name}}")
@example({"a": "${" * 4000})
def test_nothing_but_the_two_errors_is_ever_raised(template: Any) -> None:
    claims_problems(template)
    headers_problems(template)
    try:
        json.dumps(rendered(template), allow_nan=False).encode()
    except (ValidationError, MissingValueError):
        return


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="$\0")))
def test_a_string_without_a_dollar_is_itself(text: str) -> None:
    assert rendered({"a": [text]}) == {"a": [text]}


@given(st.text(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="$\0")))
def test_any_value_arrives_as_it_is(value: str, around: str) -> None:
    node = compile_template(["${globals.x}", f"{around}:${{globals.x}}:{around}"])
    assert render(node, {"globals.x": value}) == [value, f"{around}:{value}:{around}"]
