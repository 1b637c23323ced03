"""What the owner of the database could do to the record: the triggers are removed first, and restored afterwards."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from django.utils import timezone

from audit.models import Checkpoint
from audit.problem import Problem
from audit.protection import triggers
from audit.sealing import merkle
from audit.sealing.checkpoints import CHECKPOINT, checkpoint_claims
from audit.sealing.leaf import hash_of
from audit.sealing.leaves import Leaf, packed
from audit.sealing.sealed_columns import names_of
from audit.sealing.sealed_tables import sealed_tables
from audit.verification.copies import Copies
from audit.verification.verify import Verification
from issuers.versioning import revision
from keys.record_key import statement_reader


@contextmanager
def without_triggers() -> Iterator[None]:
    triggers.remove(connection)
    try:
        yield
    finally:
        triggers.install(connection)


def found(copies: Iterable[str] = (), **options: datetime) -> list[str]:
    """Every problem that a verification names now."""
    return [str(problem) for problem in problems(copies, **options)]


def problems(
    copies: Iterable[str] = (), *, now: datetime | None = None, until: datetime | None = None
) -> list[Problem]:
    revision.forget()
    run = Verification(
        read=statement_reader(), now=now or timezone.now(), until=until, copies=Copies.of(copies)
    )
    return list(run.problems())


def statements() -> list[str]:
    """What was sent elsewhere."""
    return list(Checkpoint.objects.order_by("number").values_list("statement", flat=True))


def seal_all_anew(key: Ed25519PrivateKey, kid: str) -> None:
    """Rewrite every checkpoint over the rows as they stand, with another key. Call it without triggers."""
    checkpoints = Checkpoint.objects.all()
    checkpoints._raw_delete(checkpoints.db)
    leaves = [
        Leaf(table.name, pk, hash_of(members))
        for table in sealed_tables()
        for pk, members in table.rows(table.model._default_manager.order_by("pk"))
    ]
    now = timezone.now()
    root = merkle.root([leaf.hash for leaf in leaves])
    tables = [table for table in sealed_tables() if table.model._default_manager.exists()]
    claims = checkpoint_claims(
        number=1, at=now, previous="", root=root, rows=len(leaves), columns=names_of(tables)
    )
    statement = jwt.encode(claims, key, algorithm="EdDSA", headers={"typ": CHECKPOINT, "kid": kid})
    Checkpoint.objects.create(
        number=1, created_at=now, row_count=len(leaves), leaves=packed(leaves), root=root.hex(), kid=kid,
        statement=statement,
    )  # fmt: skip
