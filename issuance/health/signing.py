"""Whether the issuers can sign."""

from django.utils import timezone

from issuers.directory import IssuerSnapshot
from issuers.models import Issuer
from keys.keyring import keyrings
from keys.lifecycle.creation import no_active_key
from keys.lifecycle.due import overdue_keys, rotates_at
from keys.readiness import signing_problem
from relying_parties.models import RelyingParty


def key_problems() -> list[str]:
    """Of the algorithms that the issuers, and those of their relying parties that choose one, sign with."""
    found = Issuer.objects.filter(is_active=True, signing_keys__isnull=False).distinct()
    with_keys = {issuer.pk: IssuerSnapshot.of(issuer) for issuer in found}
    chosen = RelyingParty.objects.filter(is_active=True, issuer__in=with_keys).exclude(signing_alg="")
    needed = {(issuer.id, issuer.signing_alg) for issuer in with_keys.values()}
    needed |= set(chosen.values_list("issuer_id", "signing_alg"))
    problems = (_signing_problem(with_keys[issuer_id], alg=alg) for issuer_id, alg in sorted(needed))
    return [problem for problem in problems if problem]


def unfinished_issuers() -> list[str]:
    """An issuer that never had a key is one that an operator is just making: the others go on."""
    new = Issuer.objects.filter(is_active=True, signing_keys__isnull=True)
    return [f"{issuer.url} has no key yet: create one." for issuer in new]


def overdue_key_problems() -> list[str]:
    """A key without a successor goes on signing, and its tokens verify."""
    return [
        f"Key {key.kid} of {key.owner_url} is overdue since {rotates_at(key):%Y-%m-%d %H:%M} UTC: "
        "it has no successor. Run manage.py maintain, which makes it or says why it cannot."
        for key in overdue_keys(timezone.now())
    ]


def _signing_problem(issuer: IssuerSnapshot, *, alg: str) -> str | None:
    """Why the issuer cannot sign with this algorithm, None if it can."""
    keyring = keyrings.get(issuer.id)
    key = keyring and keyring.signing_key(alg=alg, now=timezone.now())
    if not key:
        return no_active_key(issuer, alg)
    return signing_problem(key)
