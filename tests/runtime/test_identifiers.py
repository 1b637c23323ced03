"""Identifiers that begin with the time."""

import re
import time

from runtime.identifiers import new_jti, new_request_id

MANY = 2_000


def test_they_are_unique_within_a_millisecond() -> None:
    assert len({new_jti() for _ in range(MANY)}) == MANY
    assert len({new_request_id() for _ in range(MANY)}) == MANY


def test_a_request_id_is_32_hexadecimal_digits_in_the_order_of_time() -> None:
    made: list[str] = []
    for _ in range(5):
        made.append(new_request_id())
        time.sleep(0.002)
    assert made == sorted(made)
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in made)
    assert abs(int(made[0][:12], 16) / 1000 - time.time()) < 5


def test_a_jti_is_32_characters_that_share_their_beginning_within_a_second() -> None:
    first, second = new_jti(), new_jti()
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", first)
    assert first[:6] == second[:6]
    assert first[8:] != second[8:]
