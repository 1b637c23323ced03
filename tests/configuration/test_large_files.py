"""Large files: what they cost, and what is served meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from issuers.models import ConfigurationRevision, GlobalVariable
from issuers.versioning.history import Source
from issuers.versioning.revision import lock
from relying_parties.models import AccessGrant, ClientSecret, RelyingParty
from tests.configuration.files import applied
from tests.support.at_once import all_at_once
from tests.support.cast import Cast
from tests.support.server import Server

T = TypeVar("T")

CLIENTS = 1_000
SECONDS_OF_CPU = 12.0
"""5,000 new clients within a minute."""
MAX_WAIT = 5.0
"""Seconds for a token, on a busy machine: half of what a writer waits for SQLite's lock."""


def large(clients: int) -> str:
    entries = "\n".join(
        f"  - {{issuer: oidc_m2m, client_id: c-{number}, client_name: C, secrets: [{{label: x, generate: true}}],"
        " grants: [{resource_server: your_application, default: true}]}"
        for number in range(clients)
    )
    return f"relying_parties:\n{entries}\n"


@contextmanager
def tokens_asked(server: Server, auth: tuple[str, str]) -> Iterator[list[tuple[int, float]]]:
    """Each answer's status and its seconds, asked one after another for the length of the block."""
    answers: list[tuple[int, float]] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            start = time.monotonic()
            answers.append((server.token(auth).status_code, time.monotonic() - start))

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            yield answers
        finally:
            is_over.set()
        asking.result()


@pytest.mark.slow
def test_tokens_are_issued_while_a_thousand_clients_are_added(cast: Cast, server: Server) -> None:
    with tokens_asked(server, ("billing", cast.secrets["billing"])) as answers:
        start = time.thread_time()
        plan = applied(large(CLIENTS))
        spent = time.thread_time() - start

    assert len(plan.changes) == 3 * CLIENTS
    assert {status for status, _ in answers} == {200}
    assert max(seconds for _, seconds in answers) < MAX_WAIT
    assert spent < SECONDS_OF_CPU


def test_an_unchanged_client_costs_no_query_of_its_own(cast: Cast) -> None:
    applied(large(20))

    queries = {}
    for clients in (10, 20):
        with CaptureQueriesContext(connection) as asked:
            assert not applied(large(clients)).changes
        queries[clients] = len(asked)

    assert queries[10] == queries[20]


@contextmanager
def configuration_locked() -> Iterator[None]:
    """Somebody else is about to commit a change; on SQLite the file is locked for it."""
    held, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            lock()
            held.set()
            is_over.wait()
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        held.wait()
        try:
            yield
        finally:
            is_over.set()
        holding.result()


def test_a_dry_run_waits_for_nobody(cast: Cast) -> None:
    with configuration_locked():
        plan = applied(large(1), dry_run=True)

    assert len(plan.changes) == 3
    assert not RelyingParty.objects.filter(client_id="c-0").exists()


class Interrupted(dict[str, str]):
    """An environment in which something happens once, when a variable is read: in the middle of a run."""

    def __init__(self, values: Mapping[str, str], act: Callable[[], object]) -> None:
        super().__init__(values)
        self.acts = [act]

    def get(self, name: str, default: T | None = None) -> str | T | None:  # type: ignore[override]
        while self.acts:
            all_at_once(self.acts.pop())
        return super().get(name, default)


def test_a_change_that_is_made_meanwhile_is_kept(cast: Cast) -> None:
    before = ConfigurationRevision.objects.get().number
    environment = Interrupted({"SECRET": "a" * 40}, GlobalVariable(name="meanwhile", value=1).save)

    plan = applied(
        "relying_parties: [{issuer: oidc_m2m, client_id: billing, secrets: [{label: n, secret_from: {env: SECRET}}]}]",
        environment=environment,
    )

    assert len(plan.changes) == 1
    assert GlobalVariable.objects.filter(name="meanwhile").exists()
    secret = ClientSecret.objects.get(label="n")
    assert [(row.history_type, row.source) for row in secret.history.all()] == [("+", Source.FILE)]
    assert ConfigurationRevision.objects.get().number == before + 2


def test_the_primary_key_of_a_removed_row_is_not_given_again(cast: Cast) -> None:
    file = "relying_parties: [{issuer: oidc_m2m, client_id: c-0, client_name: C, grants: [%s]}]"
    keys = set()
    for grants in ("resource_server: your_application", "", "resource_server: your_application"):
        applied(file % (f"{{{grants}}}" if grants else ""))
        keys |= set(AccessGrant.objects.filter(relying_party__client_id="c-0").values_list("pk", flat=True))

    assert len(keys) == 2
