"""Whether this process lives, and whether it can issue: with reasons, to those who may know them."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from audit import durability, triggers
from audit.unsealed import overdue_tables
from issuance.answers import NO_STORE, json_answer
from issuance.documents import is_warm
from issuance.forwarded import parsed_address
from issuance.protocol_view import ProtocolView
from issuers.directory import IssuerSnapshot
from issuers.models import Issuer
from issuers.turns import Turns
from keys.creation import no_active_key
from keys.due import overdue_keys, rotates_at
from keys.keyring import keyrings
from keys.readiness import signing_problem
from keys.record_key import NoRecordKeyError, record_key
from relying_parties.credentials import secrets_without_pepper
from relying_parties.models import RelyingParty


def start_problems() -> list[str]:
    """What must be mended before the server may start, in words that say how; a database that is away is not one."""
    try:
        if unapplied := _unapplied_migrations():
            return [f"{unapplied} migrations are not applied: run manage.py migrate."]
        lost = secrets_without_pepper(set(settings.SECRET_PEPPERS))
        return [
            f"SECRET_PEPPERS lacks the pepper of {secret}: put it back." for secret in lost
        ] + _record_problems()
    except (OperationalError, InterfaceError):
        return []


PROBES = Turns(1)
"""For what is asked of the database to know whether this server is ready: when it hangs, it holds one probe."""
FORGIVEN = {"database", "issuers", "rotation", "seal"}
"""The checks that leave the server ready: degraded, for the issuers that work."""


def readiness() -> dict[str, list[str]]:
    """The problems by check; empty lists if there are none."""
    checks: dict[str, Callable[[], list[str]]] = {
        "migrations": _migration_problems,
        "record": _record_problems,
        "issuers": _unfinished_issuers,
        "rotation": _overdue_keys,
        "seal": _seal_problems,
    }
    try:
        with PROBES.turn():
            connection.ensure_connection()
            found = {name: check() for name, check in checks.items()}
        # A token or HSM that hangs says so itself, to each probe.
        return {"database": []} | found | {"keys": _key_problems()}
    except DatabaseFailure as error:
        missing = [] if is_warm() else ["This process never read the documents that it should serve."]
        return {"database": [f"The database does not answer: {type(error).__name__}."], "documents": missing}


def _unapplied_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _migration_problems() -> list[str]:
    unapplied = _unapplied_migrations()
    return [f"{unapplied} migrations are not applied: run manage.py migrate."] if unapplied else []


def _record_problems() -> list[str]:
    missing = [
        f"The trigger {name} of the record is missing or off: manage.py migrate audit 0001, then manage.py migrate."
        for name in triggers.missing(connection)
    ]
    return missing + durability.problems(connection)


def _key_problems() -> list[str]:
    """Of the algorithms that the issuers, and those of their relying parties that choose one, sign with."""
    found = Issuer.objects.filter(is_active=True, signing_keys__isnull=False).distinct()
    with_keys = {issuer.pk: IssuerSnapshot.of(issuer) for issuer in found}
    chosen = RelyingParty.objects.filter(is_active=True, issuer__in=with_keys).exclude(signing_alg="")
    needed = {(issuer.id, issuer.signing_alg) for issuer in with_keys.values()}
    needed |= set(chosen.values_list("issuer_id", "signing_alg"))
    problems = (_signing_problem(with_keys[issuer_id], alg=alg) for issuer_id, alg in sorted(needed))
    return [problem for problem in problems if problem]


def _unfinished_issuers() -> list[str]:
    """An issuer that never had a key is one that an operator is just making: the others go on."""
    new = Issuer.objects.filter(is_active=True, signing_keys__isnull=True)
    return [f"{issuer.url} has no key yet: create one." for issuer in new]


def _overdue_keys() -> list[str]:
    """A key without a successor goes on signing, and its tokens verify."""
    return [
        f"Key {key.kid} of {key.owner_url} is overdue since {rotates_at(key):%Y-%m-%d %H:%M} UTC: "
        "it has no successor. Run manage.py maintain, which makes it or says why it cannot."
        for key in overdue_keys(timezone.now())
    ]


def _seal_problems() -> list[str]:
    """Tokens go on; but what is not sealed can be changed unnoticed by who owns the database."""
    now = timezone.now()
    try:
        record_key(now)
    except NoRecordKeyError as error:
        return [str(error)]
    return [
        f"{table} has rows that are older than an hour and not sealed: run manage.py maintain, which seals them or "
        "says why it cannot."
        for table in overdue_tables(now)
    ]


def _signing_problem(issuer: IssuerSnapshot, *, alg: str) -> str | None:
    """Why the issuer cannot sign with this algorithm, None if it can."""
    keyring = keyrings.get(issuer.id)
    key = keyring and keyring.signing_key(alg=alg, now=timezone.now())
    if not key:
        return no_active_key(issuer, alg)
    return signing_problem(key)


class LivezView(ProtocolView):
    """200 while the process answers and can serve JWKS and discovery from its memory. Asks nobody else."""

    http_method_names = ["get", "head"]

    def get(self, request: Request) -> HttpResponse:
        if is_warm():
            return json_answer({"status": "ok"}, headers=NO_STORE)
        reason = "The database was away when this process started: it has no documents to serve."
        return json_answer({"status": "empty", "reason": reason}, status=503, headers=NO_STORE)


class ReadyzView(ProtocolView):
    """200 when tokens can be issued, or what is amiss is forgiven (FORGIVEN); else 503."""

    http_method_names = ["get", "head"]

    def get(self, request: Request) -> HttpResponse:
        found = readiness()
        is_ready = not any(problems for check, problems in found.items() if check not in FORGIVEN)
        status = "unready" if not is_ready else "degraded" if any(found.values()) else "ok"
        members: dict[str, Any] = {"status": status}
        if may_know(request.META["REMOTE_ADDR"]):
            members["checks"] = found
        return json_answer(members, status=200 if is_ready else 503, headers=NO_STORE)


def may_know(address: str) -> bool:
    """Reasons are told to loopback and OPERATIONS_NETWORKS."""
    source = parsed_address(address)
    if source is None:
        return False
    return source.is_loopback or any(source in network for network in settings.OPERATIONS_NETWORKS)
