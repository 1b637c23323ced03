"""Bringing the configuration to what a file says: all of it or nothing, with a plan of what changes."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from django.db import connection

from configuration.applying.file_values import with_file_values
from configuration.applying.key_entries import reconcile_key
from configuration.applying.parts import reconcile_federated_credentials, reconcile_grants, reconcile_rules
from configuration.applying.references import References, UnresolvedError
from configuration.applying.rehearsal import MovedError, rehearsed
from configuration.applying.run import Run
from configuration.applying.secret_entries import reconcile_secrets, warn_of_old_secrets
from configuration.plan import Plan
from configuration.reading.document import Node
from configuration.reading.entries import Configuration, Entry
from configuration.reading.problems import Location
from configuration.reading.secret_sources import Surroundings
from configuration.reading.sources import SourceFile, folders_of, interpret_all
from issuance.outlook.consistency import issuer_problems, relying_party_problems
from issuance.outlook.token_warnings import token_warnings
from issuers.models import GlobalVariable, Issuer
from issuers.paths import ROOT, written_path
from issuers.versioning.history import Source, authored, current_actor, history_together
from issuers.versioning.revision import lock, one_revision
from keys.models import SigningKey
from relying_parties.consistency import keys_reached_by, relying_parties_of
from relying_parties.models import RelyingParty

MAX_ATTEMPTS = 5
"""How often a file is tried, where each time another change is committed first."""


class _NothingToKeepError(Exception):
    """Rolls the transaction back, and with it the revision."""


def apply(data: bytes, *, surroundings: Surroundings, dry_run: bool, now: datetime) -> Plan:
    """Apply a file's bytes. Raises InvalidConfigurationError, and changes nothing then.

    What the file does not name stays as it is. Lists of federated credentials, grants and rules are complete: what a
    list leaves out is removed.
    """
    file = SourceFile(data, surroundings.folder)
    return apply_files([file], environment=surroundings.environment, dry_run=dry_run, now=now)


def apply_files(
    files: Sequence[SourceFile], *, environment: Mapping[str, str], dry_run: bool, now: datetime
) -> Plan:
    """As `apply`, for several files as if they were one."""
    documents = [file.document() for file in files]
    folders = folders_of(files)

    def applied() -> Plan:
        return _applied(documents, Run(now=now, dry_run=dry_run, environment=environment, folders=folders))

    for _ in range(MAX_ATTEMPTS - 1):
        with suppress(MovedError):
            return applied()
    return applied()


def _applied(documents: Sequence[Node], run: Run) -> Plan:
    """Raises as `apply` does, and MovedError."""
    configuration = interpret_all(documents, run.problems)
    with suppress(_NothingToKeepError), authored(actor=current_actor(), source=Source.FILE):
        if connection.vendor == "sqlite":
            with rehearsed(), one_revision():
                _carry_out(configuration, run)
        else:
            with one_revision():
                _carry_out(configuration, run)
    return run.draft.finished(configuration.name)


def _carry_out(configuration: Configuration, run: Run) -> None:
    entries = [entry for section in configuration.sections.values() for entry in section]
    references = References(entries, run.rows, run.problems)
    with history_together():
        for section in configuration.sections.values():
            run.rows.read(section)
            for entry in section:
                with suppress(UnresolvedError):
                    _reconcile(entry, references, run)
    run.problems.refuse()
    if not run.dry_run:
        lock()
    _note_incoherent(entries, run)
    run.problems.refuse()
    warn_of_old_secrets(entries, run)
    _warn_of_tokens(run)
    if run.dry_run or not run.draft.changes:
        raise _NothingToKeepError


def _reconcile(entry: Entry, references: References, run: Run) -> None:
    """Raises UnresolvedError."""
    entry = with_file_values(entry, run)
    values = references.resolved(entry)
    if not entry.is_sound:
        return
    if entry.kind.model is SigningKey:
        reconcile_key(entry, issuer=values["issuer"], run=run)
        return
    identity = {name: values.get(name) for name in entry.kind.identity}
    subject = _subject(entry, values)
    row = run.rows.find(entry.kind.model, entry.identity) or entry.kind.model(**identity)
    run.reconcile(entry, row=row, values=values, subject=subject)  # type: ignore[arg-type]
    if row.pk:
        run.rows.add(row, entry.identity)
    if row.pk and isinstance(row, RelyingParty):
        _reconcile_parts(row, entry, of=f"of {subject}", references=references, run=run)


def _reconcile_parts(
    relying_party: RelyingParty, entry: Entry, *, of: str, references: References, run: Run
) -> None:
    if "secrets" in entry.parts:
        reconcile_secrets(relying_party, entry, of=of, run=run)
    if "federated_credentials" in entry.parts:
        reconcile_federated_credentials(relying_party, entry, of=of, references=references, run=run)
    if "grants" in entry.parts:
        reconcile_grants(relying_party, entry, of=of, references=references, run=run)
    if "rules" in entry.parts:
        reconcile_rules(relying_party, entry, of=of, run=run)


def _subject(entry: Entry, values: dict[str, object]) -> str:
    *scope, natural = entry.identity
    name = f"{entry.kind.noun} {natural or ROOT}"
    if not scope:
        return name
    issuer = values.get("issuer")
    return f"{name} of {written_path(issuer.path) if isinstance(issuer, Issuer) else 'all issuers'}"


def _warn_of_tokens(run: Run) -> None:
    """Warnings of the clients whose own token the file changed; an issuer or a variable would reach all clients."""
    rows = [row for row, _ in run.changed if not isinstance(row, Issuer | GlobalVariable)]
    reached = dict.fromkeys(key for row in rows for key in keys_reached_by(row))
    for relying_party, warning in token_warnings(relying_parties_of(reached), now=run.now):
        of = f"client {relying_party.client_id} of {written_path(relying_party.issuer.path)}"
        run.draft.warnings.append(f"{of}: {warning}")


def _note_incoherent(entries: list[Entry], run: Run) -> None:
    own_locations = {entry.identity: entry.location for entry in entries if entry.kind.model is RelyingParty}
    reached: dict[int, Location] = {}
    for row, location in run.changed:
        if isinstance(row, Issuer):
            run.problems.add_all(location, issuer_problems(row, now=run.now))
        reached |= dict.fromkeys(keys_reached_by(row), location)
    for relying_party, problems in relying_party_problems(reached, now=run.now):
        identity = (relying_party.issuer.path, relying_party.client_id)
        run.problems.add_all(own_locations.get(identity, reached[relying_party.pk]), problems)
