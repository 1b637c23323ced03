"""When each credential last proved its client."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from audit.models import Outcome
from relying_parties.models import CredentialUse
from tests.support.at_once import all_at_once
from tests.support.cast import Cast
from tests.support.wire import ask, events, last_event
from tests.upkeep.past import proved
from upkeep.credential_uses import LATEST_COMMIT
from upkeep.maintenance import maintain

NOW = timezone.now()


def uses() -> dict[str, datetime]:
    return dict(CredentialUse.objects.values_list("credential", "last_used_at"))


def test_it_notes_when_a_secret_last_proved_its_client(cast: Cast) -> None:
    ask(auth=cast.basic("billing"))
    ask(auth=cast.basic("billing"))
    ask(auth=cast.basic("stranger"))

    maintain(timezone.now())

    secret = cast.billing.secrets.get()
    assert uses() == {f"secret:{secret.pk}": events()[1].at}


def test_a_refusal_is_no_use(cast: Cast) -> None:
    ask({"scope": "unknown"}, auth=cast.basic("billing"))

    assert maintain(timezone.now()).credential_uses == 0
    assert last_event().outcome == Outcome.REFUSED


@pytest.mark.django_db
def test_only_what_is_new_is_noted() -> None:
    proved("secret:1", NOW)
    proved("secret:2", NOW)
    maintain(NOW)
    proved("secret:2", NOW + timedelta(minutes=1))

    assert maintain(NOW).credential_uses == 1
    assert uses() == {"secret:1": NOW, "secret:2": NOW + timedelta(minutes=1)}


@pytest.mark.django_db
def test_a_row_that_was_committed_late_is_noted() -> None:
    proved("secret:1", NOW)
    maintain(NOW)
    proved("secret:2", NOW - LATEST_COMMIT + timedelta(seconds=1))

    assert maintain(NOW).credential_uses == 1


@pytest.mark.django_db
def test_what_was_read_before_is_not_read_again() -> None:
    proved("secret:1", NOW - timedelta(days=1))
    proved("secret:2", NOW)
    maintain(NOW)
    CredentialUse.objects.filter(credential="secret:1").delete()

    maintain(NOW)

    assert uses() == {"secret:2": NOW}


@pytest.mark.django_db
def test_a_clock_that_ran_ahead_hides_no_later_use() -> None:
    proved("secret:1", NOW + timedelta(days=30))
    maintain(NOW)
    proved("secret:2", NOW + timedelta(minutes=1))

    assert maintain(NOW + timedelta(minutes=2)).credential_uses == 1


@pytest.mark.django_db
def test_an_instant_never_moves_back() -> None:
    proved("secret:1", NOW - timedelta(minutes=1))
    CredentialUse(credential="secret:1", last_used_at=NOW).save()

    assert maintain(NOW).credential_uses == 0
    assert uses() == {"secret:1": NOW}


@pytest.mark.django_db
def test_many_at_once_do_the_work_once_or_again() -> None:
    for number in range(50):
        proved(f"secret:{number}", NOW)

    all_at_once(*[lambda: maintain(NOW)] * 4)

    assert uses() == {f"secret:{number}": NOW for number in range(50)}
