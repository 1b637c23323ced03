"""audit/streamed.py: many rows in bounded memory."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import streamed
from issuers.models import GlobalVariable
from tests.support.cast import Cast


@pytest.fixture
def ids(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    monkeypatch.setattr(streamed, "CHUNK", 3)
    GlobalVariable.objects.bulk_create(GlobalVariable(name=f"v{number}", value=number) for number in range(6))
    return sorted(GlobalVariable.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("most", [0, 1, 2, 3, 4, 6, 7, 8, None])
def test_pages_give_each_row_once_in_the_order_of_ids(ids: list[int], most: int | None) -> None:
    rows = GlobalVariable.objects.order_by("-name").values_list("pk", "name")
    assert [pk for pk, _ in streamed.in_pages(rows, most=most)] == ids[:most]


def test_no_page_is_larger_than_a_chunk(ids: list[int]) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert len(list(streamed.in_pages(GlobalVariable.objects.values_list("pk")))) == len(ids)
    assert ["LIMIT 3" in query["sql"] for query in captured.captured_queries] == [False, True, True, True]


def test_it_ends_however_fast_rows_come(ids: list[int]) -> None:
    found = []
    for (pk,) in streamed.in_pages(GlobalVariable.objects.values_list("pk")):
        found.append(pk)
        GlobalVariable(name=f"late{pk}", value=1).save()
    assert found == ids


def test_rows_of_one_moment_leave_out_what_comes_meanwhile(ids: list[int]) -> None:
    found = []
    for (pk,) in streamed.of_one_moment(GlobalVariable.objects.order_by("pk").values_list("pk")):
        found.append(pk)
        if connection.vendor == "postgresql" and len(found) == 1:
            GlobalVariable(name="late", value=1).save()
    assert found == ids
