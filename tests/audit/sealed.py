"""A seal over rows of the record, as `maintain` would make it, for tests that need sealed rows."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from django.utils import timezone

from audit.models import Checkpoint, Inspection, IssuanceEvent
from audit.sealing import merkle
from audit.sealing.leaf import SealedTable, hash_of, instant
from audit.sealing.leaves import Leaf, packed, unpacked
from audit.sealing.sealed_columns import names_of
from issuers.versioning import revision
from keys.lifecycle.creation import create_first_key
from keys.models import Purpose, SigningKey
from keys.record_key import record_key, signed_statement

TABLES = (SealedTable.of(Inspection), SealedTable.of(IssuanceEvent))


def seal(*, leave_out: Iterable[int] = (), **other_claims: Any) -> Checkpoint:
    """A checkpoint over every row that none covers, but for these ids of the record; a claim of None is left out."""
    now = timezone.now()
    if not SigningKey.objects.filter(purpose=Purpose.RECORD).exists():
        create_first_key(issuer=None, alg="EdDSA", now=now)
    revision.forget()
    previous = Checkpoint.objects.order_by("number").last()
    leaves = sorted(_leaves(set(leave_out)))
    column, hashes = packed(leaves), [leaf.hash for leaf in leaves]
    number, root = previous.number + 1 if previous else 1, merkle.root(hashes).hex()
    claims = {
        "iss": "http://127.0.0.1:8000/audit",
        "number": number,
        "at": instant(now),
        "previous": sha256(previous.statement.encode()).hexdigest() if previous else "",
        "root": root,
        "rows": len(hashes),
        "columns": names_of(table for table in TABLES if table.name in {leaf.table for leaf in leaves}),
    }
    claims = {name: value for name, value in (claims | other_claims).items() if value is not None}
    key = record_key(now)
    return Checkpoint.objects.create(
        number=number, created_at=now, previous=previous, row_count=len(hashes), leaves=column, root=root,
        kid=key.kid, statement=signed_statement(claims, kind="checkpoint+jwt", key=key),
    )  # fmt: skip


def _leaves(left_out: set[int]) -> list[Leaf]:
    sealed = {
        (leaf.table, leaf.id)
        for column in Checkpoint.objects.values_list("leaves", flat=True)
        for leaf in unpacked(bytes(column))
    }
    return [
        Leaf(table.name, row_id, hash_of(members))
        for table in TABLES
        for row_id, members in table.rows(table.model._default_manager.order_by("pk"))
        if (table.name, row_id) not in sealed and not (table.model is IssuanceEvent and row_id in left_out)
    ]
