"""Bringing the configuration to what a file says: all of it or nothing, with a plan of what changes."""

from datetime import datetime

from configuration.document import read
from configuration.entries import Configuration, Entry, interpret
from configuration.file_values import with_file_values
from configuration.key_entries import settle_key
from configuration.parts import settle_federated_credentials, settle_grants, settle_rules
from configuration.plan import Plan
from configuration.problems import Place
from configuration.references import References, UnresolvedError
from configuration.run import Run
from configuration.secret_entries import settle_secrets, warn_of_old_secrets
from configuration.secret_sources import Surroundings
from issuance.coherence import issuer_problems, relying_party_problems
from issuance.token_warnings import token_warnings
from issuers.history import Source, authored, current_actor
from issuers.models import GlobalVariable, Issuer
from issuers.paths import ROOT, written_path
from issuers.revision import lock, one_revision
from keys.models import SigningKey
from relying_parties.coherence import reached_by
from relying_parties.models import RelyingParty


class _NothingToKeepError(Exception):
    """Rolls the transaction back, and with it the revision."""


def apply(data: bytes, *, surroundings: Surroundings, dry_run: bool, now: datetime) -> Plan:
    """Apply a file's bytes. Raises InvalidConfigurationError, and changes nothing then.

    What the file does not say stays as it is, but for the lists of federated credentials, grants and rules, which
    are whole.
    """
    run = Run(now=now, dry_run=dry_run, surroundings=surroundings)
    configuration = interpret(read(data), run.problems)
    try:
        with authored(actor=current_actor(), source=Source.FILE), one_revision():
            _carry_out(configuration, run)
    except _NothingToKeepError:
        pass
    return run.draft.finished(configuration.name)


def _carry_out(configuration: Configuration, run: Run) -> None:
    entries = [entry for section in configuration.sections.values() for entry in section]
    references = References(entries, run.problems)
    for entry in entries:
        try:
            _settle(entry, references, run)
        except UnresolvedError:
            continue
    run.problems.refuse()
    lock()
    _note_incoherent(entries, run)
    run.problems.refuse()
    warn_of_old_secrets(entries, run)
    _warn_of_tokens(run)
    if run.dry_run or not run.draft.changes:
        raise _NothingToKeepError


def _settle(entry: Entry, references: References, run: Run) -> None:
    """Raises UnresolvedError."""
    entry = with_file_values(entry, run)
    values = references.resolved(entry)
    if not entry.is_sound:
        return
    if entry.kind.model is SigningKey:
        settle_key(entry, issuer=values["issuer"], run=run)
        return
    identity = {name: values.get(name) for name in entry.kind.identity}
    # Keys that others make meanwhile wait for no issuer: its own key does not change here.
    rows = entry.kind.model._default_manager.select_for_update(of=("self",), no_key=True)
    subject = _subject(entry, values)
    row = rows.filter(**identity).first() or entry.kind.model(**identity)
    run.settle(entry, row=row, values=values, subject=subject)
    if row.pk and isinstance(row, RelyingParty):
        _settle_parts(row, entry, of=f"of {subject}", references=references, run=run)


def _settle_parts(
    relying_party: RelyingParty, entry: Entry, *, of: str, references: References, run: Run
) -> None:
    if "secrets" in entry.parts:
        settle_secrets(relying_party, entry, of=of, run=run)
    if "federated_credentials" in entry.parts:
        settle_federated_credentials(relying_party, entry, of=of, references=references, run=run)
    if "grants" in entry.parts:
        settle_grants(relying_party, entry, of=of, references=references, run=run)
    if "rules" in entry.parts:
        settle_rules(relying_party, entry, of=of, run=run)


def _subject(entry: Entry, values: dict[str, object]) -> str:
    *scope, natural = entry.identity
    name = f"{entry.kind.noun} {natural or ROOT}"
    if not scope:
        return name
    issuer = values.get("issuer")
    return f"{name} of {written_path(issuer.path) if isinstance(issuer, Issuer) else 'all issuers'}"


def _warn_of_tokens(run: Run) -> None:
    """Of the clients whose own token the file changed; an issuer or a variable would reach all of them."""
    rows = [row for row, _ in run.changed if not isinstance(row, Issuer | GlobalVariable)]
    reached = {relying_party.pk: relying_party for row in rows for relying_party in reached_by(row)}
    for relying_party in reached.values():
        of = f"relying party {relying_party.client_id} of {written_path(relying_party.issuer.path)}"
        run.draft.warnings += [f"{of}: {warning}" for warning in token_warnings(relying_party, now=run.now)]


def _note_incoherent(entries: list[Entry], run: Run) -> None:
    own_places = {entry.identity: entry.place for entry in entries if entry.kind.model is RelyingParty}
    reached: dict[RelyingParty, Place] = {}
    for row, place in run.changed:
        if isinstance(row, Issuer):
            run.problems.add_all(place, issuer_problems(row, now=run.now))
        reached |= dict.fromkeys(reached_by(row), place)
    for relying_party, place in reached.items():
        own = own_places.get((relying_party.issuer.path, relying_party.client_id), place)
        run.problems.add_all(own, relying_party_problems(relying_party, now=run.now))
