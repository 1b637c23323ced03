"""The federated credentials, grants and rules under a relying party: as the file's list says, nothing else is kept."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from configuration.applying.references import References, UnresolvedError, whole
from configuration.applying.run import Run
from configuration.reading.entries import Entry
from relying_parties.models import AccessGrant, FederatedCredential, RelyingParty, RequestRule


def reconcile_federated_credentials(
    relying_party: RelyingParty, entry: Entry, *, of: str, references: References, run: Run
) -> None:
    """A federated credential is identified by its label."""
    stored = {row.label: row for row in run.rows.parts(FederatedCredential, relying_party)}
    named = {part.values.get("label") for part in entry.parts["federated_credentials"]}
    for label in [label for label in stored if label not in named]:
        location = entry.location_of("federated_credentials")
        run.remove(stored[label], location=location, subject=f"federated credential {label} {of}")
    for part, values in _wanted(entry.parts["federated_credentials"], references, relying_party):
        row = stored.get(values["label"]) or FederatedCredential(relying_party=relying_party)
        run.reconcile(part, row=row, values=values, subject=f"federated credential {values['label']} {of}")


def reconcile_grants(
    relying_party: RelyingParty, entry: Entry, *, of: str, references: References, run: Run
) -> None:
    """A grant is identified by its resource server."""
    stored = {grant.resource_server: grant for grant in run.rows.parts(AccessGrant, relying_party)}
    wanted = _wanted(entry.parts["grants"], references, relying_party)
    for server in stored.keys() - {values["resource_server"] for _, values in wanted}:
        run.remove(
            stored[server],
            location=entry.location_of("grants"),
            subject=f"access grant {server.identifier} {of}",
        )
    # The default last: the grant that was the default gives it up first.
    for part, values in sorted(wanted, key=lambda pair: bool(pair[1]["is_default"])):
        server = values["resource_server"]
        row = stored.get(server) or AccessGrant(relying_party=relying_party)
        run.reconcile(part, row=row, values=values, subject=f"access grant {server.identifier} {of}")


def _wanted(
    parts: Iterable[Entry], references: References, relying_party: RelyingParty
) -> list[tuple[Entry, dict[str, Any]]]:
    """The complete values of each part whose references were found."""
    wanted = []
    for part in parts:
        try:
            values = references.resolved(part, issuer=relying_party.issuer)
        except UnresolvedError:
            continue
        if part.is_sound:
            wanted.append((part, whole(values, part)))
    return wanted


def reconcile_rules(relying_party: RelyingParty, entry: Entry, *, of: str, run: Run) -> None:
    """A rule is identified by its parameter; rules of one parameter by their order."""
    stored: dict[str, list[RequestRule]] = defaultdict(list)
    for rule in run.rows.parts(RequestRule, relying_party):
        stored[rule.parameter].append(rule)
    for part in entry.parts["rules"]:
        if part.is_sound:
            of_parameter = stored[part.values["parameter"]]
            row = of_parameter.pop(0) if of_parameter else RequestRule(relying_party=relying_party)
            subject = f"request rule {part.values['parameter']} {of}"
            run.reconcile(part, row=row, values=whole(part.values, part), subject=subject)
    for rules in stored.values():
        for rule in rules:
            run.remove(
                rule, location=entry.location_of("rules"), subject=f"request rule {rule.parameter} {of}"
            )
