"""issuers/versioning/snapshots.py: what a change concerns is read again, and nothing else is."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from issuance.discovery.documents import advertised
from issuers.directory import issuers_by_path
from issuers.models import ConfigurationRevision, GlobalVariable, Issuer, TopicRevision
from issuers.versioning import revision
from issuers.versioning.revision import one_revision
from keys.keyring import keyrings
from keys.models import RECORD, SigningKey
from relying_parties.models import (
    AccessGrant,
    ClaimTemplate,
    ClientSecret,
    FederatedCredential,
    RelyingParty,
    RequestRule,
    ResourceServer,
    TrustedIssuer,
)
from relying_parties.secrets.credentials import add_generated_secret
from relying_parties.snapshots import clients
from tests.support.cast import Cast
from tests.support.wire import ask


def seen(cast: Cast) -> list[object]:
    """All that this process shows of the configuration, half a second after the last change."""
    revision.forget()
    issuers = (cast.oidc_m2m, cast.other)
    return [
        *(
            clients.get((issuer.pk, name))
            for issuer in issuers
            for name in ("billing", "reports", "stranger", "new")
        ),
        *(issuers_by_path.get(path) for path in ("oidc_m2m", "other", "elsewhere")),
        *(keyrings.get(key) for key in (*(issuer.pk for issuer in issuers), RECORD)),
        *(advertised.get(issuer.pk) for issuer in issuers),
    ]


def read_anew(cast: Cast) -> list[object]:
    ConfigurationRevision.objects.update(number=ConfigurationRevision.objects.get().number + 1)
    return seen(cast)


@pytest.fixture
def full(cast: Cast) -> Cast:
    """Each kind of row at least once, around the relying parties billing and reports."""
    trusted = TrustedIssuer(issuer=cast.oidc_m2m, name="ci", issuer_url="https://ci.example").checked()
    trusted.save()
    for relying_party in (cast.billing, cast.reports):
        FederatedCredential(
            relying_party=relying_party, trusted_issuer=trusted, label="main", subject=relying_party.client_id
        ).checked().save()
        RequestRule(
            relying_party=relying_party, parameter="env", regex="prod", message="No."
        ).checked().save()
    GlobalVariable(name="shared", value=1).checked().save()
    return cast


def moved(cast: Cast) -> None:
    grant = AccessGrant.objects.get(relying_party=cast.reports)
    grant.relying_party, grant.resource_server = cast.billing, cast.invoices
    AccessGrant.objects.filter(relying_party=cast.billing, resource_server=cast.invoices).delete()
    grant.save()


def renamed(cast: Cast) -> None:
    RelyingParty.objects.filter(pk=cast.billing.pk).update(client_id="new")


def made_again(cast: Cast) -> None:
    cast.billing.delete()
    RelyingParty(issuer=cast.oidc_m2m, client_id="billing", name="Another").checked().save()


def retire(cast: Cast) -> None:
    later = timezone.now() + timedelta(days=9)
    SigningKey.objects.filter(pk=cast.key.pk).update(retires_at=later, expires_at=later)


def many(cast: Cast) -> None:
    with one_revision():
        cast.invoices.scopes = ["invoices.read"]
        cast.invoices.save()
        cast.billing.is_active = False
        cast.billing.save()


CHANGES: dict[str, Callable[[Cast], object]] = {
    "an issuer": lambda cast: Issuer.objects.filter(path="other").update(name="Else", is_active=False),
    "an issuer's path": lambda cast: Issuer.objects.filter(path="other").update(path="elsewhere"),
    "a shared variable": lambda cast: GlobalVariable.objects.filter(name="shared").update(value=2),
    "a new shared variable": lambda cast: GlobalVariable(name="more", value=2).save(),
    "an issuer's variable": lambda cast: GlobalVariable.objects.filter(name="region").delete(),
    "a variable that moves to all": lambda cast: GlobalVariable.objects.filter(name="region").update(
        issuer=None
    ),
    "a client": lambda cast: RelyingParty.objects.filter(client_id="billing").update(is_active=False),
    "a client's client id": renamed,
    "a client made again": made_again,
    "a new client": lambda cast: RelyingParty(issuer=cast.other, client_id="new", name="New").save(),
    "a client's algorithm": lambda cast: RelyingParty.objects.filter(client_id="billing").update(
        signing_alg="ES256"
    ),
    "a client's template": lambda cast: RelyingParty.objects.filter(client_id="stranger").update(
        claim_template=cast.seed_template
    ),
    "a new secret": lambda cast: add_generated_secret(relying_party=cast.billing),
    "a revoked secret": lambda cast: ClientSecret.objects.filter(relying_party=cast.billing).update(
        revoked_at=timezone.now()
    ),
    "a deleted secret": lambda cast: ClientSecret.objects.filter(relying_party=cast.billing).get().delete(),
    "a grant": lambda cast: AccessGrant.objects.filter(relying_party=cast.billing).update(scopes=[]),
    "a grant that moves": moved,
    "a deleted grant": lambda cast: AccessGrant.objects.filter(relying_party=cast.reports).delete(),
    "a rule": lambda cast: RequestRule.objects.filter(relying_party=cast.billing).update(regex="test"),
    "an API": lambda cast: ResourceServer.objects.filter(pk=cast.invoices.pk).update(
        identifier="https://renamed.example", scopes=["else"]
    ),
    "rows written in bulk": lambda cast: ResourceServer.objects.bulk_create(
        [
            ResourceServer(issuer=cast.oidc_m2m, identifier=f"s{number}", scopes=["bulk"])
            for number in range(3)
        ]
    ),
    "a template": lambda cast: ClaimTemplate.objects.filter(name="seed").update(
        claims={"aud": "your_application", "else": 1}
    ),
    "a trusted issuer": lambda cast: TrustedIssuer.objects.filter(name="ci").update(is_active=False),
    "a federated credential": lambda cast: FederatedCredential.objects.filter(
        relying_party=cast.billing
    ).update(subject="else"),
    "a signing key": retire,
    "a key of the record": lambda cast: SigningKey.objects.filter(issuer=None).update(kid="renamed"),
    "several in one transaction": many,
    "one made in SQL": lambda cast: execute(
        "UPDATE relying_parties_relyingparty SET contact = 'x', is_active = false",
        "UPDATE issuers_configurationrevision SET number = number + 1",
    ),
}


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_every_snapshot_is_what_a_new_process_reads(full: Cast, change: str) -> None:
    before = seen(full)
    CHANGES[change](full)
    after = seen(full)
    assert after == read_anew(full)
    assert after != before


def test_a_change_of_another_relying_party_makes_no_token_read_its_client_or_keys_again(full: Cast) -> None:
    queries_of_a_token(full)
    full.reports.description = "Changed."
    full.reports.save()
    read = " ".join(queries_of_a_token(full))
    assert "issuers_topicrevision" in read
    for table in (ClientSecret, AccessGrant, RequestRule, FederatedCredential, SigningKey):
        assert f'FROM "{table._meta.db_table}"' not in read


def queries_of_a_token(cast: Cast) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert ask({"env": "prod"}, auth=cast.basic("billing")).status == 200
    return [query["sql"] for query in captured.captured_queries]


@pytest.mark.parametrize(
    ("change", "read_again"),
    [
        ("a new secret", {"billing"}),
        ("a rule", {"billing"}),
        ("a client", {"billing"}),
        ("a new client", set()),
        ("an API", {"billing"}),
        ("a template", {"reports"}),
        ("an issuer's variable", {"billing", "reports"}),
        ("a new shared variable", {"billing", "reports", "stranger"}),
        ("an issuer", {"stranger"}),
        ("a trusted issuer", {"billing", "reports"}),
        ("a signing key", set()),
    ],
)
def test_a_change_makes_those_clients_stale_that_it_touches(
    full: Cast, change: str, read_again: set[str]
) -> None:
    keys = {"billing": full.oidc_m2m.pk, "reports": full.oidc_m2m.pk, "stranger": full.other.pk}
    seen(full)
    before = {name: clients.get((issuer, name)) for name, issuer in keys.items()}
    CHANGES[change](full)
    revision.forget()
    assert {
        name for name, issuer in keys.items() if clients.get((issuer, name)) is not before[name]
    } == read_again


def test_what_was_read_inside_a_transaction_is_not_kept(cast: Cast) -> None:
    before = seen(cast)
    with suppress(ZeroDivisionError), transaction.atomic():
        RelyingParty.objects.filter(pk=cast.billing.pk).update(contact="never committed")
        inside = seen(cast)
        raise ZeroDivisionError
    assert inside != before
    cast.stranger.save()
    assert seen(cast) == before


def test_more_changes_than_are_read_one_by_one_make_everything_stale(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen(cast)
    monkeypatch.setattr(revision, "MAX_TOPICS_READ", 2)
    cast.reports.save()
    cast.stranger.contact = "Changed."
    cast.stranger.save()
    assert seen(cast) == read_anew(cast)


def test_changes_that_a_process_keeps_are_bounded(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    seen(cast)
    monkeypatch.setattr(revision, "MAX_TOPICS_KEPT", 2)
    for contact in ("One.", "Two."):
        cast.stranger.contact = contact
        cast.stranger.save()
        assert seen(cast) == read_anew(cast)
    assert len(revision.known().changed_at) <= 2


def test_a_revision_that_went_back_makes_everything_stale(cast: Cast) -> None:
    number = ConfigurationRevision.objects.get().number
    cast.stranger.save()
    seen(cast)
    ConfigurationRevision.objects.update(number=number, itemized=0)
    execute("UPDATE relying_parties_relyingparty SET contact = 'restored'")
    assert seen(cast) == read_anew(cast)


def test_a_topic_has_one_row_however_often_it_changes(cast: Cast) -> None:
    for _ in range(3):
        cast.billing.save()
    rows = TopicRevision.objects.filter(topic=f"relying_party:{cast.billing.pk}")
    assert [row.number for row in rows] == [ConfigurationRevision.objects.get().number]
