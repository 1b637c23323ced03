"""A migration that adds a constraint names the rows that would violate it, and what to do, and changes nothing."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection

from issuers.versioning.history import Change
from tests.support.cast import Cast

METHOD = (
    "UPDATE relying_parties_relyingparty SET token_endpoint_auth_method = '{}' WHERE client_id = 'billing'"
)
AGE = "UPDATE issuers_issuer SET max_client_secret_age = {} WHERE path = 'other'"
CASES = [
    (METHOD, "tls_client_auth", "client_secret_basic",
     r"Register exactly one certificate name .*: RelyingParty oidc_m2m billing \(id \d+\)\."),
    (METHOD, "private_key_jwt", "client_secret_basic",
     r"Register the keys of each .*: RelyingParty oidc_m2m billing \(id \d+\)\."),
    (AGE, "0", "NULL", r"Give each issuer no .*: Issuer other \(id \d+\)\."),
]  # fmt: skip


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.fixture
def before(transactional_db: None, cast: Cast) -> Iterator[None]:
    """The database is that of the version before the constraints, without the history that a way back would lose."""
    for model in apps.get_models():
        if issubclass(model, Change):
            model._default_manager.all().delete()
    call_command("migrate", "relying_parties", "0004", verbosity=0)
    call_command("migrate", "issuers", "0007", verbosity=0)
    yield
    for statement, _, good, _ in CASES:
        execute(statement.format(good))
    call_command("migrate", verbosity=0)


@pytest.mark.slow
@pytest.mark.parametrize(("statement", "bad", "good", "reason"), CASES)
def test_rows_that_violate_a_new_constraint_are_named(
    before: None, statement: str, bad: str, good: str, reason: str
) -> None:
    execute(statement.format(bad))
    with pytest.raises(CommandError, match=f"^Not migrated. {reason}"):
        call_command("migrate", verbosity=0)
    execute(statement.format(good))
    call_command("migrate", verbosity=0)
