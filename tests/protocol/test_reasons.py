"""What the record tells of a refusal, in words for the operator; the answer itself tells nothing of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from relying_parties.models import ClientSecret
from relying_parties.secrets.credentials import add_generated_secret, revoke_secret
from relying_parties.snapshots import MAX_REVOKED
from tests.support.cast import INVOICES, YOUR_APPLICATION, Cast, new_grant, new_resource_server
from tests.support.wire import Answer, ask, assert_refused, basic, last_event

MINUTE = timedelta(minutes=1)


def reason(answer: Answer, status: int, error: str) -> str:
    return assert_refused(answer, status, error).detail


def wrong_secret() -> str:
    return reason(ask(auth=basic("billing", "wrong")), 401, "invalid_client")


@pytest.mark.contract("P3.6", "P1.3")
def test_a_wrong_secret(cast: Cast) -> None:
    assert wrong_secret() == "The secret is none of those registered."


@pytest.mark.contract("P3.6", "P1.3")
def test_an_empty_secret(cast: Cast) -> None:
    assert reason(ask(auth=basic("billing", "")), 401, "invalid_client") == "The secret is empty."


@pytest.mark.contract("P3.6", "P1.3")
def test_a_relying_party_without_a_secret(cast: Cast) -> None:
    cast.billing.secrets.all().delete()
    assert wrong_secret() == "The client has no secret: generate one."


@pytest.mark.contract("P3.8", "P1.3")
def test_a_relying_party_whose_secrets_have_expired(cast: Cast) -> None:
    _, other = add_generated_secret(
        relying_party=cast.billing, label="second", expires_at=timezone.now() + MINUTE
    )
    assert ask(auth=basic("billing", other)).status == 200
    cast.billing.secrets.update(expires_at=timezone.now() - MINUTE)
    assert wrong_secret() == "Every secret of the client has expired: generate a new one."
    assert reason(ask(auth=basic("billing", other)), 401, "invalid_client").endswith(
        ", which has expired: replace it where it is still used."
    )


@pytest.mark.contract("P3.8", "P1.3")
def test_a_secret_that_was_revoked_is_named(cast: Cast) -> None:
    old, text = add_generated_secret(relying_party=cast.billing)
    for secret in (old, cast.billing.secrets.get(label="first")):
        revoke_secret(secret, now=timezone.now())
    assert reason(ask(auth=basic("billing", text)), 401, "invalid_client") == (
        f"The secret is secret:{old.pk}, which was revoked: replace it where it is still used."
    )
    assert wrong_secret() == "The client has no secret: generate one."


@pytest.mark.contract("P3.8", "P1.3")
def test_a_secret_that_has_expired_is_named(cast: Cast) -> None:
    old, text = add_generated_secret(relying_party=cast.billing, expires_at=timezone.now() - MINUTE)
    assert reason(ask(auth=basic("billing", text)), 401, "invalid_client") == (
        f"The secret is secret:{old.pk}, which has expired: replace it where it is still used."
    )


@pytest.mark.contract("P3.8", "P1.3")
def test_of_many_revoked_secrets_the_newest_are_named(cast: Cast) -> None:
    made = [add_generated_secret(relying_party=cast.billing) for _ in range(MAX_REVOKED + 1)]
    for secret, _ in made:
        revoke_secret(secret, now=timezone.now())
    why = [reason(ask(auth=basic("billing", text)), 401, "invalid_client") for _, text in (made[0], made[1])]
    assert why[0] == "The secret is none of those registered."
    assert why[1].startswith(f"The secret is secret:{made[1][0].pk}, ")


@pytest.mark.contract("P3.9", "P1.3")
def test_a_secret_whose_pepper_this_server_lacks(cast: Cast) -> None:
    secret: ClientSecret = cast.billing.secrets.get()
    lost = f"lost:{secret.digest.partition(':')[2]}"
    ClientSecret.objects.filter(pk=secret.pk).update(digest=lost)
    assert wrong_secret() == "SECRET_PEPPERS of this server lacks the pepper of every secret: add it."


@pytest.mark.contract("P1.3")
def test_what_proved_the_client(cast: Cast) -> None:
    assert ask(auth=cast.basic("billing")).status == 200
    assert last_event().credential == f"secret:{cast.billing.secrets.get().pk}"


@pytest.mark.contract("P4.1", "P1.3")
@pytest.mark.parametrize(
    ("resource", "why"),
    [
        ("https://unknown.example", "is not granted"),
        ("unknown", "is neither granted nor an absolute URI"),
        ("https://unknown.example/#part", "is neither granted nor an absolute URI"),
    ],
)
def test_a_resource_that_is_not_granted(cast: Cast, resource: str, why: str) -> None:
    answer = ask({"resource": resource}, auth=cast.basic("billing"))
    assert reason(answer, 400, "invalid_target") == f"The resource {resource} {why}."


@pytest.mark.contract("P4.1", "P1.3")
def test_a_resource_other_than_the_templates(cast: Cast) -> None:
    new_grant(cast.reports, cast.invoices, ["invoices.read"])
    answer = ask({**cast.in_body("reports"), "resource": INVOICES})
    assert (
        reason(answer, 400, "invalid_target") == f"The claim template sets the audience {YOUR_APPLICATION}."
    )


@pytest.mark.contract("P4.3", "P1.3")
def test_scopes_that_no_grant_or_several_hold(cast: Cast) -> None:
    none = ask({"scope": "rabbitmq.read:*/* YourScope"}, auth=cast.basic("billing"))
    assert reason(none, 400, "invalid_scope") == (
        "No single API grants YourScope rabbitmq.read:*/*: the request must name its resource."
    )
    for name in ("https://a.example", "https://b.example"):
        server = new_resource_server(cast.oidc_m2m, name, ["shared"])
        new_grant(cast.billing, server, ["shared"])
    several = ask({"scope": "shared"}, auth=cast.basic("billing"))
    assert reason(several, 400, "invalid_scope") == (
        "2 APIs grant shared: the request must name its resource."
    )


@pytest.mark.contract("P4.2", "P1.3")
def test_a_template_whose_audience_lost_its_grant(cast: Cast) -> None:
    cast.reports.grants.all().delete()
    answer = ask(cast.in_body("reports"))
    assert reason(answer, 400, "invalid_target") == (
        f"No grant for the claim template's audience {YOUR_APPLICATION}."
    )
