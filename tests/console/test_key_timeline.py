"""Keys in time: what is drawn, and the pages that draw it."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from console.signing_keys.key_timeline import (
    MARGIN,
    MAX_TICKS,
    TICK_MARGIN,
    Row,
    Timeline,
    timeline,
    timelines,
)
from issuers.models import Issuer
from keys.lifecycle.creation import create_first_key
from keys.models import SigningKey
from tests.console.pages import body_of, url
from tests.support.cast import Cast

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ISSUER = Issuer(pk=1, path="x", name="X")


def key(pk: int, published: int, activates: int, *later: int, revoked: int | None = None) -> SigningKey:
    """Instants in days from now; `later` are the retirement and the expiry."""
    retires, expires = later or (None, None)
    return SigningKey(
        pk=pk,
        issuer=ISSUER,
        kid=f"key-{pk}",
        alg="ES256",
        published_at=NOW + published * DAY,
        activates_at=NOW + activates * DAY,
        retires_at=None if retires is None else NOW + retires * DAY,
        expires_at=None if expires is None else NOW + expires * DAY,
        revoked_at=None if revoked is None else NOW + revoked * DAY,
    )


def drawn(*keys: SigningKey) -> Timeline:
    return timeline(keys, issuer=ISSUER, now=NOW)


def row(*keys: SigningKey) -> Row:
    (only,) = drawn(*keys).rows
    return only


def spans(*keys: SigningKey) -> list[tuple[str, int, int]]:
    found = [bar.span for bar in row(*keys).bars]
    return [(span.kind, (span.since - NOW).days, (span.until - NOW).days) for span in found]


@pytest.mark.parametrize(
    ("only", "expected", "what_is_next"),
    [
        (key(1, -30, -30), [("active", -30, 0), ("planned", 0, 60)], "signs until about 2026-08-14"),
        (key(1, 0, 0), [("planned", 0, 90)], "signs until about 2026-09-13"),
        (key(1, -2, 12), [("announced", -2, 12), ("planned", 12, 102)], "signs from 2026-06-27"),
        (key(1, -100, -100), [("active", -100, -10), ("overdue", -10, 0)], "overdue since 2026-06-05"),
        (
            key(1, -80, -70, 5, 7),
            [("announced", -80, -70), ("active", -70, 5), ("retiring", 5, 7)],
            "signs until 2026-06-20",
        ),
        (key(1, -70, -70, -1, 1), [("active", -70, -1), ("retiring", -1, 1)], "verifies until 2026-06-16"),
        (key(1, -70, -70, -9, -7), [("active", -70, -9), ("retiring", -9, -7)], "expired 2026-06-08"),
        (key(1, -70, -70, revoked=-3), [("active", -70, -3)], "revoked 2026-06-12"),
        (key(1, -9, 5, revoked=-3), [("announced", -9, -3)], "revoked 2026-06-12"),
        (key(1, -70, -60, -9, 8, revoked=-3), [("announced", -70, -60), ("active", -60, -9), ("retiring", -9, -3)],
         "revoked 2026-06-12"),
    ],
)  # fmt: skip
def test_a_key_is_drawn_as_its_instants_say(
    only: SigningKey, expected: list[tuple[str, int, int]], what_is_next: str
) -> None:
    assert spans(only) == expected
    assert row(only).next == what_is_next


def test_now_lies_between_what_was_and_what_will_be() -> None:
    picture = drawn(key(1, -45, -45))
    (was, will_be) = picture.rows[0].bars
    assert was.x == MARGIN
    assert was.x + was.width == pytest.approx(picture.now_x) == pytest.approx(will_be.x)
    assert will_be.x + will_be.width == pytest.approx(100 - MARGIN)
    assert picture.now_x == pytest.approx(50)


def test_a_revoked_key_is_crossed_where_it_was_revoked() -> None:
    crossed = row(key(1, -70, -70, revoked=-3))
    (bar,) = crossed.bars
    assert crossed.revoked_x == pytest.approx(bar.x + bar.width)


def test_a_moment_can_be_seen() -> None:
    picture = drawn(key(1, -3000, -3000, -1, 0), key(2, -1, -1))
    assert min(bar.width for row in picture.rows for bar in row.bars) > 0.3


@pytest.mark.parametrize("days", [0, 1, 7, 40, 365, 5000, 20_000])
def test_the_dates_below_are_few_and_in_order(days: int) -> None:
    ticks = drawn(key(1, -days, -days)).ticks
    assert 1 <= len(ticks) <= MAX_TICKS + 1
    assert [tick.x for tick in ticks] == sorted({tick.x for tick in ticks})
    assert all(TICK_MARGIN <= tick.x <= 100 - TICK_MARGIN for tick in ticks)


def test_of_the_ended_keys_the_latest_are_drawn() -> None:
    ended = [key(pk, -20 * pk, -20 * pk, -20 * pk + 5, -20 * pk + 7) for pk in range(1, 7)]
    picture = drawn(*ended, key(9, -1, -1))
    assert [row.key.pk for row in picture.rows] == [3, 2, 1, 9]
    assert picture.left_out == 3


def test_each_issuer_has_its_picture_and_the_record_none(cast: Cast) -> None:
    record = SigningKey(purpose="record", alg="EdDSA", published_at=NOW, activates_at=NOW)
    pictures = timelines([cast.key, record, cast.other_key], now=NOW)
    assert [picture.issuer for picture in pictures] == [cast.oidc_m2m, cast.other]


def test_the_list_of_keys_shows_each_issuers_picture(cast: Cast, auditor: Client) -> None:
    pictures = svgs(body_of(auditor, url(SigningKey, "changelist")))
    assert [picture.get("role") for picture in pictures] == ["img", "img"]
    title, desc = pictures[0][0], pictures[0][1]
    assert (title.text, pictures[0].get("aria-labelledby")) == (
        "Signing keys of M2M in time",
        f"{title.get('id')} {desc.get('id')}",
    )
    assert f"RS256 key {cast.key.kid[:12]}… is active: signs until about" in " ".join(
        (desc.text or "").split()
    )


def test_the_pictures_follow_the_filter(cast: Cast, auditor: Client) -> None:
    create_first_key(issuer=cast.other, alg="ES384", now=timezone.now())
    listed = auditor.get(url(SigningKey, "changelist"), {"alg__exact": "ES256"})
    (picture,) = listed.context["timelines"]
    assert [row.key for row in picture.rows] == [cast.other_key]
    assert auditor.get(url(SigningKey, "changelist"), {"q": "no such kid"}).context["timelines"] == []


def test_a_table_says_the_same(cast: Cast, auditor: Client) -> None:
    body = body_of(auditor, url(SigningKey, "change", cast.key.pk))
    assert "The same as a table" in body
    assert f"<td>{cast.key.activates_at:%Y-%m-%d %H:%M}</td>" in body


def test_the_page_of_an_issuer_shows_its_own(cast: Cast, auditor: Client) -> None:
    (picture,) = svgs(body_of(auditor, url(Issuer, "change", cast.other.pk)))
    assert picture[0].text == "Signing keys of Other in time"


def test_a_kid_from_outside_is_text_in_the_picture(cast: Cast, auditor: Client) -> None:
    SigningKey.objects.filter(pk=cast.key.pk).update(kid="<script>alert")
    assert "<script>alert" not in body_of(auditor, url(SigningKey, "changelist"))


def test_the_pictures_cost_few_queries(
    cast: Cast, auditor: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(14):
        auditor.get(url(SigningKey, "changelist"))


def svgs(body: str) -> list[ElementTree.Element]:
    """The pictures of a page; each is well-formed XML by itself."""
    starts = body.split('<figure class="timeline">')[1:]
    return [ElementTree.fromstring(start.split("<figcaption>")[0].strip()) for start in starts]  # noqa: S314
