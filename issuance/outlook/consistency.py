"""The last question before a change of the configuration commits: can every client be served as it is configured?"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import models

from issuers.models import Issuer
from keys.lifecycle.creation import signing_alg_problem
from relying_parties.consistency import keys_reached_by, problems_of_each
from relying_parties.models import RelyingParty

MAX_PROBLEMS = 20


def refuse_incoherent(changed: Iterable[models.Model], *, now: datetime) -> None:
    """Raise ValidationError that names every contradiction among what the changed rows reach.

    Call it inside the transaction, after the change; a deleted row still has its primary key.
    """
    rows = list(changed)
    problems = [
        problem for row in rows if isinstance(row, Issuer) for problem in issuer_problems(row, now=now)
    ]
    reached = dict.fromkeys(key for row in rows for key in keys_reached_by(row))
    for _, found in relying_party_problems(reached, now=now):
        problems += found
    if problems:
        more = len(problems) - MAX_PROBLEMS
        raise ValidationError(problems[:MAX_PROBLEMS] + ([f"And {more} more."] if more > 0 else []))


def issuer_problems(issuer: Issuer, *, now: datetime) -> list[str]:
    """A new issuer has no key yet; one that has keys must be able to sign."""
    if not issuer.signing_keys.exists():
        return []
    problem = signing_alg_problem(issuer=issuer, alg=issuer.signing_alg, now=now)
    return [problem] if problem else []


def relying_party_problems(keys: Iterable[int], *, now: datetime) -> Iterator[tuple[RelyingParty, list[str]]]:
    """What does not fit around each of these relying parties, each problem with the client id in front."""
    unusable: dict[tuple[int, str], str | None] = {}
    for relying_party, problems in problems_of_each(keys):
        issuer, alg = relying_party.issuer, relying_party.signing_alg
        if alg and (issuer.pk, alg) not in unusable:
            unusable[issuer.pk, alg] = signing_alg_problem(issuer=issuer, alg=alg, now=now)
        problem = unusable.get((issuer.pk, alg))
        found = [*problems, problem] if problem else problems
        yield relying_party, [f"{relying_party.client_id}: {text}" for text in found]
