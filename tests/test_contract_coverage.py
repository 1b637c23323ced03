from tests.contract_coverage import problems

PROTOCOL = """
- P1.1 Every answer.
| Id | Request | Answer |
| P2.1 | GET | 405 |
- P11.1 Introspection.
"""


def test_it_names_a_line_without_a_test() -> None:
    assert problems(protocol=PROTOCOL, marked=["P1.1"]) == ["P2.1 has no test"]


def test_it_names_a_mark_that_is_no_line() -> None:
    assert problems(protocol=PROTOCOL, marked=["P1.1", "P2.1", "P2.99"]) == [
        "P2.99 is marked, but is no line of docs/protocol.md"
    ]


def test_it_is_content_when_every_built_line_has_a_test() -> None:
    assert problems(protocol=PROTOCOL, marked=["P1.1", "P2.1"]) == []
