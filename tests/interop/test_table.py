"""docs/interoperability.md says what the tests declare."""

import pytest

from tests.interop.table import PAGE, Role, Row, declared, written

ROW = Row("Client", "`client` of PyPI", "1.0", Role.CLIENT, told="nothing | much", seen="a token")


def test_the_page_has_the_rows_that_the_tests_declare() -> None:
    page = PAGE.read_text()
    assert page == written(page, declared()), (
        "docs/interoperability.md differs from the tests: run `make interop-table`."
    )


def test_no_two_rows_are_of_one_package_in_one_role() -> None:
    keys = [(row.name, row.package, row.role) for row in declared()]
    assert len(keys) == len(set(keys))


def test_it_writes_the_rows_between_the_text() -> None:
    assert written("# Page\n\n| Old |\n|---|\n| row |\n\nText.\n", [ROW]) == (
        "# Page\n\n"
        "| Client or verifier | Version tested | What has to be set in it | Seen |\n|---|---|---|---|\n"
        "| **Client**, client, `client` of PyPI | 1.0 | nothing \\| much | a token |\n"
        "\nText.\n"
    )


def test_it_refuses_a_page_without_a_table() -> None:
    with pytest.raises(AssertionError, match="The page has 0 tables, not one"):
        written("# Page\n", [ROW])
