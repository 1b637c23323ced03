import contextlib
import json
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from configuration.reading.document import MAX_BYTES, MAX_VALUES, read
from configuration.reading.problems import InvalidConfigurationError, Location, Problem
from tests.configuration.files import unreadable


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("true", True), ("FALSE", False), ("~", None), ("", None), ("null", None),
        ("017", 17), ("0o17", 15), ("0x1F", 31), ("-3", -3), ("1_000", "1_000"), ("-.5", -0.5), ("1e3", 1000.0),
        ("2030-01-01", "2030-01-01"), ("12:30:45", "12:30:45"), ('"12"', "12"), ("'true'", "true"), ("|\n  12", "12"),
    ],
)  # fmt: skip
@pytest.mark.spec("YAML 1.2.2", "10.3.2")
def test_a_scalar_is_what_the_core_schema_says(text: str, value: Any) -> None:
    plain = read(f"a: {text}".encode()).plain["a"]

    assert plain == value
    assert type(plain) is type(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**99), 10**99) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff")),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text("abc", min_size=1), children, max_size=3),
    max_leaves=10,
)  # fmt: skip


@hypothesis.given(value=json_values, indent=st.sampled_from([None, 2, "\t"]), escape=st.booleans())
@hypothesis.example(value=-(10**99), indent=None, escape=False)
def test_a_json_file_is_read_as_json_reads_it(value: Any, indent: Any, escape: bool) -> None:  # noqa: FBT001
    text = json.dumps({"a": value}, indent=indent, ensure_ascii=escape)

    assert read(text.encode()).plain == json.loads(text)


@hypothesis.given(
    st.binary(max_size=200) | st.text(":-[]{}&*!|>'\"%@` \n\tab1#?,", max_size=60).map(str.encode)
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(InvalidConfigurationError):
        read(data)


def test_every_value_knows_its_place() -> None:
    node = read(b"a:\n  - b: 1\n    c: [x, y]\n")

    inner = node.value["a"].value[0].value["c"]
    assert (inner.key_place.line, inner.key_place.column) == (3, 5)
    assert (inner.value[1].location.line, inner.value[1].location.column) == (3, 12)


def test_a_bomb_is_refused_before_it_grows() -> None:
    lines = unreadable(b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n")

    assert lines[0] == "f:1:4: An anchor: leave it out, aliases are not taken."
    assert lines[-1] == "f:3:9: An alias: write the value out."


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system [id]", "!!str 1", "!own x", "! x"])
def test_a_tag_is_refused(tag: str) -> None:
    assert unreadable(f"a: {tag}".encode()) == ["f:1:4: A tag: leave it out, values have the types of JSON."]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"a: 1\nb: \xff", "f:2:4: Not UTF-8: save the file as UTF-8."),
        ("a: 1".encode("utf-16"), "f:1:1: Not UTF-8: save the file as UTF-8."),
        (b"a: x\0y", "f:1:5: The character U+0000 can only be written as an escape."),
        (b"a: 1\nb: \x1b[31m", "f:2:4: The character U+001B can only be written as an escape."),
        ("a: 'x\u2028y'".encode(), "f:1:6: The character U+2028 can only be written as an escape."),
        (b'a: "\\0"', "f:1:4: The character U+0000 cannot be stored."),
        (b'a: "\\ud83d"', "f:1:4: A lone surrogate, which is not a character."),
        (b"", "f:1:1: The file is empty."),
        (b"# nothing\n", "f:1:1: The file is empty."),
        (b"a: 1\n---\nb: 2\n", "f:2:1: A second document: a file holds one."),
        (b"a: 1\nb: 2\na: 3\n", 'f:3:1: The key "a" is given twice.'),
        (b"a: {b: 1, b: 2}", 'f:1:11: The key "b" is given twice.'),
        (b"1: a", "f:1:1: A key must be a text: put it in quotes."),
        (b"a: .nan", "f:1:4: Not a number that JSON has: put it in quotes if it is a text."),
        (b"a: 1e999", "f:1:4: Not a number that JSON has: put it in quotes if it is a text."),
        (b"a: " + b"9" * 5000, "f:1:4: A number of more than 100 digits: put it in quotes if it is a text."),
        (b"[" * 100_000, "f:1:52: Nested deeper than 50."),
        (b"- " * 100_000, "f:1:103: Nested deeper than 50."),
        (
            b"a: " + b"x" * MAX_BYTES,
            "f:1:1: The file has more than 5242880 bytes: split it, and apply its parts together (-f A -f B).",
        ),
    ],
)
def test_what_is_no_plain_document_is_refused_where_it_stands(data: bytes, line: str) -> None:
    assert unreadable(data) == [line]


@pytest.mark.parametrize(
    ("data", "location"),
    [
        (b"a:\n\t- 1\n", "f:2:1"),
        (b"a: [1", "f:1:6"),
        (b"a: b: c", "f:1:5"),
        (b"a: @b", "f:1:4"),
        (b"%YAML 3.0\n---\na: 1", "f:1:1"),
    ],
)
def test_what_is_not_yaml_is_refused_where_it_ends_to_be(data: bytes, location: str) -> None:
    (line,) = unreadable(data)

    assert line.startswith(f"{location}: Not YAML: ")


def test_a_refusal_never_quotes_a_value() -> None:
    assert "hunter2" not in "".join(unreadable(b"secret_from: [hunter2\nb: hunter2: hunter2"))


@pytest.mark.slow
def test_a_file_of_very_many_short_values_is_refused_before_it_is_read_to_its_end() -> None:
    (line,) = unreadable(b"- a\n" * (MAX_BYTES // 4))
    assert line == (
        f"f:{MAX_VALUES}:3: The file has more than {MAX_VALUES} keys and values: split it, and apply its parts "
        "together (-f A -f B)."
    )


def test_of_very_many_problems_the_first_are_named() -> None:
    told = list(
        InvalidConfigurationError(tuple(Problem(Location(n, 1), "Wrong.") for n in range(1, 1_001))).lines(
            "f"
        )
    )

    assert (told[0], told[99], told[100:]) == ("f:1:1: Wrong.", "f:100:1: Wrong.", ["f: 900 more problems."])
