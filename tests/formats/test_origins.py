"""Origins as an operator writes them."""

import pytest

from formats.origins import origins_problem


@pytest.mark.parametrize(
    "origins",
    [
        [],
        ["https://app.example"],
        ["http://localhost:5173", "https://[2001:db8::1]:8443", "https://a.b.example"],
    ],
)
def test_origins_as_browsers_send_them_are_taken(origins: list[str]) -> None:
    assert origins_problem(origins) is None


@pytest.mark.parametrize(
    ("origin", "hint"),
    [
        ("https://app.example/", "write https://app.example."),
        ("https://app.example/path?q=1", "write https://app.example."),
        ("HTTPS://App.Example", "write https://app.example."),
        ("https://app.example:443", "write https://app.example."),
        ("http://app.example:80/", "write http://app.example."),
        ("app.example", "such as https://app.example"),
        ("*", "such as https://app.example"),
        ("https://*.example", "such as https://app.example"),
        ("null", "such as https://app.example"),
        ("ftp://app.example", "such as https://app.example"),
        ("https://app.example:port", "such as https://app.example"),
        ("https://büro.example", "such as https://app.example"),
    ],
)
def test_what_no_browser_sends_is_refused_with_what_to_write(origin: str, hint: str) -> None:
    problem = origins_problem([origin])
    assert problem is not None
    assert problem.startswith(f"{origin} is not an origin as browsers send it")
    assert hint in problem


@pytest.mark.parametrize("origins", ["https://app.example", {"a": 1}, [1], [None], None])
def test_what_is_no_list_of_origins_is_refused(origins: object) -> None:
    assert origins_problem(origins) == 'A list of origins, such as ["https://app.example"].'


def test_an_origin_is_listed_once_and_not_too_many_are() -> None:
    assert origins_problem(["https://a.example"] * 2) == "An origin is listed twice."
    many = [f"https://a{number}.example" for number in range(51)]
    assert origins_problem(many) == "At most 50 origins; there are 51."
