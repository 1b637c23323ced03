"""Durations as people write them."""

import pytest

from formats.durations import read_duration, write_duration

HOUR, DAY, YEAR = 3_600, 86_400, 31_536_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3600", HOUR), ("0", 0), (" 90 days ", 90 * DAY), ("1 year", YEAR), ("2 weeks", 14 * DAY), ("1h30m", 5_400),
        ("1 h 30 min", 5_400), ("1 hour, 30 minutes", 5_400), ("90 S", 90), ("1 year 2 days", YEAR + 2 * DAY),
    ],
)  # fmt: skip
def test_it_is_read(text: str, seconds: int) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "1 month",
        "1.5 h",
        "-5",
        "1 h 20",
        "h",
        "1 h 2 h",
        "1e3",
        "٣ days",
        "9" * 5_000,
        "9" * 13 + " days",
    ],
)
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(
        ValueError, match="Write a duration such as 90 days, 1 year, 1 h 30 min, or a number of seconds"
    ):
        read_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (1, "1 s"), (90, "1 min 30 s"), (HOUR, "1 h"), (5_400, "1 h 30 min"), (DAY, "1 day"),
        (90 * DAY, "90 days"), (YEAR, "1 year"), (2 * YEAR, "2 years"), (YEAR + DAY, "366 days"),
    ],
)  # fmt: skip
def test_it_is_written_in_the_largest_units_and_read_again(seconds: int, text: str) -> None:
    assert write_duration(seconds) == text
    assert read_duration(text) == seconds
