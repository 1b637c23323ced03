"""The last question before a change of the configuration commits: can every relying party still be served as told?"""

from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import models

from issuers.models import Issuer
from keys.creation import signing_alg_problem
from relying_parties.coherence import problems_of, reached_by
from relying_parties.models import RelyingParty

MOST_PROBLEMS = 20


def refuse_incoherent(changed: Iterable[models.Model], *, now: datetime) -> None:
    """Raise ValidationError that names every contradiction among what the changed rows reach.

    Call it inside the transaction, after the change; a deleted row still has its primary key.
    """
    rows = list(changed)
    problems = [
        problem for row in rows if isinstance(row, Issuer) for problem in issuer_problems(row, now=now)
    ]
    reached = {relying_party.pk: relying_party for row in rows for relying_party in reached_by(row)}
    for relying_party in reached.values():
        problems += relying_party_problems(relying_party, now=now)
    if problems:
        more = len(problems) - MOST_PROBLEMS
        raise ValidationError(problems[:MOST_PROBLEMS] + ([f"And {more} more."] if more > 0 else []))


def issuer_problems(issuer: Issuer, *, now: datetime) -> list[str]:
    """A new issuer has no key yet; one that has keys must be able to sign."""
    if not issuer.signing_keys.exists():
        return []
    problem = signing_alg_problem(issuer=issuer, alg=issuer.signing_alg, now=now)
    return [problem] if problem else []


def relying_party_problems(relying_party: RelyingParty, *, now: datetime) -> list[str]:
    """What does not fit around a relying party, each with its client id in front."""
    problems = problems_of(relying_party)
    if relying_party.signing_alg:
        problem = signing_alg_problem(issuer=relying_party.issuer, alg=relying_party.signing_alg, now=now)
        problems += [problem] if problem else []
    return [f"{relying_party.client_id}: {problem}" for problem in problems]
