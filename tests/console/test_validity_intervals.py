"""In which times something stood: exact edges, and every way in which it can begin and end."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.reports.intervals import Interval, Version, common, joined, standing, within

DAY = timedelta(days=1)


def day(number: int) -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC) + number * DAY


def spans(*days: tuple[int, int | None]) -> list[Interval]:
    return [Interval(day(since), None if until is None else day(until)) for since, until in days]


def versions(*steps: tuple[int, bool]) -> list[Version]:
    return [Version(at=day(at), holds=holds) for at, holds in steps]


@pytest.mark.parametrize(
    ("steps", "stood"),
    [
        ([], []),
        ([(1, True)], [(1, None)]),
        ([(1, False)], []),
        ([(1, True), (3, True)], [(1, None)]),
        ([(1, True), (3, False)], [(1, 3)]),
        ([(1, True), (3, False), (5, True)], [(1, 3), (5, None)]),
        ([(1, True), (3, False), (5, True), (7, False)], [(1, 3), (5, 7)]),
        ([(1, True), (1, False)], []),
        ([(1, True), (3, False), (3, True)], [(1, None)]),
    ],
    ids=[
        "never",
        "made",
        "made off",
        "changed",
        "deleted",
        "made again",
        "deleted again",
        "at once",
        "swapped",
    ],
)
def test_a_thing_stood_from_its_making_to_its_end(
    steps: list[tuple[int, bool]], stood: list[tuple[int, int | None]]
) -> None:
    assert standing(versions(*steps)) == spans(*stood)


def test_a_version_holds_within_what_it_says_of_itself() -> None:
    first = Version(at=day(1), holds=True, valid_from=day(2), valid_until=day(4))
    longer = Version(at=day(3), holds=True, valid_from=day(2), valid_until=day(6))
    assert standing([first]) == spans((2, 4))
    assert standing([first, longer]) == spans((2, 6))
    assert standing([first, Version(at=day(3), holds=False)]) == spans((2, 3))
    assert standing([first, Version(at=day(5), holds=True)]) == spans((2, 4), (5, None))


def test_a_validity_that_is_over_before_the_version_was_made_is_none() -> None:
    assert standing([Version(at=day(5), holds=True, valid_from=day(1), valid_until=day(5))]) == []


def test_its_first_instant_is_inside_and_its_last_is_not() -> None:
    (span,) = spans((1, 3))
    moment = timedelta(microseconds=1)
    assert [span.includes(at) for at in (day(1) - moment, day(1), day(3) - moment, day(3))] == [
        False, True, True, False,
    ]  # fmt: skip
    assert spans((1, None))[0].includes(day(1_000_000))


def test_times_that_meet_are_one() -> None:
    assert joined(spans((3, 5), (1, 3), (4, 4))) == spans((1, 5))
    assert joined(spans((1, None), (2, 3))) == spans((1, None))
    assert joined(spans((1, 2), (3, 4))) == spans((1, 2), (3, 4))


def test_what_is_common_is_in_all() -> None:
    assert common(spans((1, None)), spans((2, 4), (6, 8)), spans((3, 7))) == spans((3, 4), (6, 7))
    assert common(spans((1, 3)), spans((3, 5))) == []
    assert common(spans((1, None)), spans((2, None))) == spans((2, None))
    assert common(spans((1, 3)), []) == []


def test_a_range_cuts_at_its_ends() -> None:
    assert within(spans((1, 3), (5, None)), since=day(2), until=day(7)) == spans((2, 3), (5, 7))
    assert within(spans((1, 3)), since=day(3), until=day(7)) == []


SOME = st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=8).map(sorted)


@given(SOME, SOME, st.integers(0, 21))
def test_each_instant_is_as_its_newest_version_says(
    left: list[tuple[int, bool]], right: list[tuple[int, bool]], number: int
) -> None:
    def held(steps: list[tuple[int, bool]]) -> bool:
        return next((holds for at, holds in reversed(steps) if at <= number), False)

    both = common(standing(versions(*left)), standing(versions(*right)))
    assert any(span.includes(day(number)) for span in both) == (held(left) and held(right))
    assert all(before.until and before.until < after.since for before, after in pairwise(both))
