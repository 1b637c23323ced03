"""Who could get tokens for an audience, and when: read from the history of the configuration.

A relying party could while it had a grant for the audience, it and its issuer were active, it was within its own
validity, and its claim template set no other audience.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.db.models import QuerySet

from console.reports.intervals import Interval, Version, common, joined, standing
from issuers.models import Issuer
from issuers.versioning.history import Source
from relying_parties.claims.language import compile_template, placeholders
from relying_parties.models import AccessGrant, ClaimTemplate, RelyingParty, ResourceServer

DELETED = "-"
ACTS = {"+": "granted", "~": "changed", DELETED: "withdrawn"}


@dataclass(frozen=True, slots=True)
class GrantAct:
    """A change of a grant, with its `scopes` at that time."""

    at: datetime
    act: str
    actor: str
    source: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """All relying parties that had this client id, in order; `relying_party_id` is the present one, if any."""

    client_id: str
    name: str
    relying_party_id: int | None
    could: tuple[Interval, ...]
    acts: tuple[GrantAct, ...]


def accesses(issuer: Issuer, audience: str) -> dict[str, Access]:
    """By client id, the relying parties that ever had a grant."""
    servers = _audience_stood(issuer, audience)
    granted = AccessGrant.history.filter(resource_server_id__in=servers)
    grants = _versions(AccessGrant.history.filter(id__in=granted.values("id")))
    ids = {record.relying_party_id for records in grants.values() for record in records}
    parties = _versions(RelyingParty.history.filter(id__in=ids, issuer_id=issuer.pk))
    stood = _stood(grants, servers)
    acting = _acting(issuer, parties, audience)
    by_client: dict[str, list[int]] = defaultdict(list)
    for pk, records in parties.items():
        by_client[records[-1].client_id].append(pk)
    return {
        client_id: Access(
            client_id=client_id,
            name=parties[pks[-1]][-1].name,
            relying_party_id=_of_now(pks, parties),
            could=tuple(joined(span for pk in pks for span in common(stood[pk], acting[pk]))),
            acts=tuple(_acts(grants, set(pks))),
        )
        for client_id, pks in by_client.items()
    }


def _versions(history: QuerySet[Any]) -> dict[int, list[Any]]:
    """The history rows of each object, oldest first."""
    found: dict[int, list[Any]] = defaultdict(list)
    for record in history.order_by("history_date", "history_id"):
        found[record.id].append(record)
    return found


def _times(records: Iterable[Any], holds: Callable[[Any], bool]) -> list[Interval]:
    return standing([
        Version(at=record.history_date, holds=record.history_type != DELETED and holds(record))
        for record in records
    ])  # fmt: skip


def _audience_stood(issuer: Issuer, audience: str) -> dict[int, list[Interval]]:
    """When each resource server had this identifier."""
    servers = _versions(ResourceServer.history.filter(issuer_id=issuer.pk))
    times = {pk: _times(rows, lambda row: row.identifier == audience) for pk, rows in servers.items()}
    return {pk: found for pk, found in times.items() if found}


def _stood(grants: dict[int, list[Any]], servers: dict[int, list[Interval]]) -> dict[int, list[Interval]]:
    """When each relying party had a grant for the audience."""
    found: dict[int, list[Interval]] = defaultdict(list)
    for records in grants.values():
        for party, server in {(record.relying_party_id, record.resource_server_id) for record in records}:
            times = _times(records, _is_grant_of(party, server))
            found[party] += common(times, servers.get(server, []))
    return found


def _is_grant_of(party: int, server: int) -> Callable[[Any], bool]:
    return lambda record: (record.relying_party_id, record.resource_server_id) == (party, server)


def _acting(issuer: Issuer, parties: dict[int, list[Any]], audience: str) -> dict[int, list[Interval]]:
    """When each relying party could get any token whose audience may be this one."""
    issuer_acted = _times(_versions(Issuer.history.filter(id=issuer.pk))[issuer.pk], attrgetter("is_active"))
    ids = {record.claim_template_id for records in parties.values() for record in records}
    templates = _versions(ClaimTemplate.history.filter(id__in=ids - {None}))
    allowed = {pk: _times(rows, lambda row: _may_be(row.claims, audience)) for pk, rows in templates.items()}
    return {
        pk: common(_active(records), issuer_acted, _template_allowed(records, allowed))
        for pk, records in parties.items()
    }


def _active(records: Sequence[Any]) -> list[Interval]:
    return standing([
        Version(
            at=record.history_date,
            holds=record.history_type != DELETED and record.is_active,
            valid_from=record.valid_from,
            valid_until=record.valid_until,
        )
        for record in records
    ])  # fmt: skip


def _template_allowed(records: Sequence[Any], allowed: dict[int, list[Interval]]) -> list[Interval]:
    found = _times(records, lambda record: record.claim_template_id is None)
    for template in {record.claim_template_id for record in records} - {None}:
        used = _times(records, lambda record, template=template: record.claim_template_id == template)  # type: ignore[misc]
        found += common(used, allowed.get(template, []))
    return joined(found)


def _may_be(claims: dict[str, Any], audience: str) -> bool:
    """Whether a template with these claims leaves the audience open, or makes it this one."""
    said = claims.get("aud")
    if said is None or any(placeholders(compile_template(claims).get("aud"))):
        return True
    return audience in (said if isinstance(said, list) else [said])


def _of_now(pks: Sequence[int], parties: dict[int, list[Any]]) -> int | None:
    return next((pk for pk in pks if parties[pk][-1].history_type != DELETED), None)


def _acts(grants: dict[int, list[Any]], parties: set[int]) -> list[GrantAct]:
    """The changes of the grants of these, oldest first."""
    records = [record for rows in grants.values() for record in rows if record.relying_party_id in parties]
    records.sort(key=lambda record: (record.history_date, record.history_id))
    return [
        GrantAct(
            at=record.history_date,
            act=ACTS[record.history_type],
            actor=record.history_user_id,
            source=Source(record.source).label,
            scopes=tuple(record.scopes),
        )
        for record in records
    ]
