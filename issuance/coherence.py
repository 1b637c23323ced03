"""The last question before a change of the configuration commits: can every relying party still be served as told?"""

from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import ValidationError

from issuers.models import Issuer
from keys.creation import signing_alg_problem
from relying_parties.coherence import problems_of
from relying_parties.models import RelyingParty

MOST_PROBLEMS = 20


def refuse_incoherent(
    *, issuers: Iterable[Issuer], relying_parties: Iterable[RelyingParty], now: datetime
) -> None:
    """Raise ValidationError that names every contradiction. Call it inside the transaction, after the change."""
    problems = [problem for issuer in issuers for problem in _issuer_problems(issuer, now)]
    for relying_party in relying_parties:
        found = [*problems_of(relying_party), *_alg_problems(relying_party, now)]
        problems += [f"{relying_party.client_id}: {problem}" for problem in found]
    if problems:
        more = len(problems) - MOST_PROBLEMS
        raise ValidationError(problems[:MOST_PROBLEMS] + ([f"And {more} more."] if more > 0 else []))


def _issuer_problems(issuer: Issuer, now: datetime) -> list[str]:
    """A new issuer has no key yet; one that has keys must be able to sign."""
    if not issuer.signing_keys.exists():
        return []
    problem = signing_alg_problem(issuer=issuer, alg=issuer.signing_alg, now=now)
    return [problem] if problem else []


def _alg_problems(relying_party: RelyingParty, now: datetime) -> list[str]:
    if not relying_party.signing_alg:
        return []
    problem = signing_alg_problem(issuer=relying_party.issuer, alg=relying_party.signing_alg, now=now)
    return [problem] if problem else []
