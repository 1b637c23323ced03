"""A client as a configuration file has it: what `apply` takes to make it again at its issuer.

Its APIs, template, variables and trusted issuers are in the file too; its secrets, of which only digests are kept, are
not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import models

from configuration.reading.document import NOT_TAKEN
from configuration.reading.shape import IDENTITIES, SECTIONS, Kind
from issuers.models import GlobalVariable
from relying_parties.claims.language import compile_template, placeholders
from relying_parties.models import RelyingParty, ResourceServer, TrustedIssuer

HEAD = """\
# {name}, a client of {issuer}. It is applied where the issuer is: manage.py apply -f FILE
# Its secrets are kept as digests, and are not here. To make one, add to the client:
#   secrets: [{{label: "2030", generate: true}}]
"""
PLAIN = re.compile(r"(?!(?:true|false|null|yes|no|on|off|y|n)\Z)[a-z][a-z0-9_-]*\Z", re.IGNORECASE)
"""A text that no version of YAML reads as anything else."""

Entry = Mapping[str, Any]


def client_file(row: RelyingParty) -> str:
    """YAML."""
    head = HEAD.format(name=_in_a_comment(str(row)), issuer=_in_a_comment(row.issuer.path or row.issuer.url))
    return head + "".join(_section(name, rows) for name, rows in _rows(row).items() if rows)


def _rows(row: RelyingParty) -> dict[str, list[models.Model]]:
    """By section, in the order in which they depend on each other."""
    trusted = TrustedIssuer.objects.filter(federated_credentials__relying_party=row).distinct()
    apis = ResourceServer.objects.filter(grants__relying_party=row)
    return {
        "global_variables": list(_variables(row)),
        "resource_servers": list(apis.order_by("identifier")),
        "claim_templates": [row.claim_template] if row.claim_template else [],
        "trusted_issuers": list(trusted.order_by("name")),
        "relying_parties": [row],
    }


def _variables(row: RelyingParty) -> Iterable[models.Model]:
    """Those that its template names; the issuer's own wins."""
    if row.claim_template is None:
        return []
    compiled = [compile_template(part) for part in (row.claim_template.claims, row.claim_template.headers)]
    names = {each.name for each in placeholders(compiled) if each.namespace == "globals"}
    found = GlobalVariable.objects.filter(models.Q(issuer=row.issuer) | models.Q(issuer=None), name__in=names)
    return {
        variable.name: variable for variable in found.order_by(models.F("issuer").asc(nulls_first=True))
    }.values()


def _section(name: str, rows: Iterable[models.Model]) -> str:
    entries = "".join(_lines(_entry(row, SECTIONS[name]), depth=1) for row in rows)
    return f"{name}:\n{entries}"


def _entry(row: models.Model, kind: Kind) -> Entry:
    """What identifies the object, and what is not the default. A part's list is there if it has any."""
    values = {
        key: _plain(row, column)
        for key, column in kind.fields().items()
        if column.name in kind.identity or getattr(row, column.attname) != column.get_default()
    }
    parts = {key: _entries(row, part) for key, part in kind.parts.items() if not part.one_of}
    return values | {key: entries for key, entries in parts.items() if entries}


def _entries(row: models.Model, part: Kind) -> list[Entry]:
    """By what identifies them; in their own order where that distinguishes them."""
    rows = part.model._default_manager.filter(relying_party=row).order_by("pk")
    entries = [_entry(each, part) for each in rows]
    return entries if part.may_repeat else sorted(entries, key=lambda entry: str(entry[part.required()[0]]))


def _plain(row: models.Model, column: models.Field[Any, Any]) -> Any:
    """As a file says it: a reference by its name, an instant with its zone."""
    value = getattr(row, column.name)
    if isinstance(value, models.Model):
        return getattr(value, IDENTITIES[type(value)][-1])
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value


def _lines(entry: Entry, *, depth: int) -> str:
    """A member of a list; the first line has its dash."""
    lines = []
    for key, value in entry.items():
        if isinstance(value, list) and value and isinstance(value[0], Mapping) and _is_part(key):
            lines.append(f"{key}:\n" + "".join(_lines(each, depth=depth + 2) for each in value).rstrip("\n"))
        else:
            lines.append(f"{key}: {_scalar(value)}")
    first, *rest = lines
    indent = "  " * depth
    return "".join([f"{indent}- {first}\n", *(f"{indent}  {line}\n" for line in rest)])


def _is_part(key: str) -> bool:
    return key in SECTIONS["relying_parties"].parts


def _scalar(value: Any) -> str:
    """JSON, which YAML takes as it is, but for plain words."""
    if isinstance(value, str) and PLAIN.match(value):
        return value
    return _escaped(json.dumps(value, ensure_ascii=False))


def _escaped(text: str) -> str:
    """Without the characters that a file may hold as an escape only."""
    return NOT_TAKEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _in_a_comment(text: str) -> str:
    return _escaped(" ".join(text.split()))
