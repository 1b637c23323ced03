"""Whose secret a text is: found by its digest, which depends on the issuer and the client, under each pepper."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.crypto import constant_time_compare

from relying_parties.client_secrets import HINT_LENGTH, digest_of
from relying_parties.models import ClientSecret

MAX_FOUND = 20
"""One text may be a secret of several clients, if a person chose it."""


def secrets_with_text(text: str) -> list[ClientSecret]:
    """Live ones and ended ones. Those whose pepper this server lacks are not found."""
    found = [
        number
        for number, digest, issuer_id, client_id in _candidates(text)
        if _is_digest_of(text, digest, issuer_id=issuer_id, client_id=client_id)
    ]
    rows = ClientSecret.objects.select_related("relying_party__issuer").order_by("pk")
    return list(rows.filter(pk__in=found[:MAX_FOUND]))


def _candidates(text: str) -> Iterator[tuple[int, str, int, str]]:
    """Generated secrets by their last characters, and all that people chose: those have no hint."""
    like: QuerySet[Any] = ClientSecret.objects.filter(Q(hint=text[-HINT_LENGTH:]) | Q(chosen=True))
    columns = ("pk", "digest", "relying_party__issuer_id", "relying_party__client_id")
    return like.order_by().values_list(*columns).iterator()


def _is_digest_of(text: str, digest: str, *, issuer_id: int, client_id: str) -> bool:
    pepper_id = digest.partition(":")[0]
    if pepper_id not in settings.SECRET_PEPPERS:
        return False
    made = digest_of(text, issuer_id=issuer_id, client_id=client_id, pepper_id=pepper_id)
    return constant_time_compare(made, digest)
