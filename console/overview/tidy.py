"""What could be tidier: nothing fails for it, and each is a list that grows where nobody looks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db.models import Case, CharField, Exists, F, Max, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Cast, Concat

from audit.credential_name import CredentialKind
from audit.models import Checkpoint, HourlyCount, Outcome
from issuers.models import Issuer
from relying_parties.models import ClientSecret, CredentialUse, RelyingParty
from relying_parties.secrets.credentials import too_old_at_their_end

NEW = timedelta(days=7)
"""A secret that is younger may not have reached its service yet."""
UNUSED = timedelta(days=90)
COUNTED_LATELY = timedelta(days=1)
"""If the record was last counted longer ago, nobody knows who got no token."""


@dataclass(frozen=True, slots=True)
class TidyList:
    """`name` is for the address, `few` and `many` follow the number: "1 secret never used", "4 secrets never used"."""

    name: str
    title: str
    few: str
    many: str
    why: str
    rows: Callable[[datetime], QuerySet[Any]]
    """Secrets with their clients, or clients."""

    def counted(self, number: int) -> str:
        return f"{number:,} {self.few if number == 1 else self.many}"


def live_secrets(now: datetime) -> QuerySet[ClientSecret]:
    """Of enabled clients."""
    live = Q(revoked_at__isnull=True) & (Q(expires_at__isnull=True) | Q(expires_at__gt=now))
    secrets = ClientSecret.objects.filter(live, relying_party__is_active=True)
    return secrets.select_related("relying_party__issuer").order_by("pk")


def chosen(now: datetime) -> QuerySet[ClientSecret]:
    return live_secrets(now).filter(chosen=True)


def outlive_their_limit(now: datetime) -> QuerySet[ClientSecret]:
    limited = Issuer.objects.filter(max_client_secret_age__isnull=False)
    old = [Q(pk__in=too_old_at_their_end(issuer, now=now).values("pk")) for issuer in limited]
    secrets = ClientSecret.objects.select_related("relying_party__issuer").order_by("pk")
    return secrets.filter(reduce(or_, old)) if old else secrets.none()


def never_used(now: datetime) -> QuerySet[ClientSecret]:
    """None where the record was not read since for the uses of credentials: nobody knows then."""
    read_until = CredentialUse.objects.aggregate(newest=Max("last_used_at"))["newest"]
    if read_until is None:
        return ClientSecret.objects.none()
    name = Concat(Value(f"{CredentialKind.SECRET}:"), Cast("pk", CharField()))
    used = CredentialUse.objects.filter(credential=OuterRef("name"))
    old = live_secrets(now).filter(created_at__lt=min(now - NEW, read_until))
    return old.annotate(name=name).filter(~Exists(used))


def unused(now: datetime) -> QuerySet[RelyingParty]:
    """Enabled clients that got no token in 90 days, by the hourly counts; none where those are not up to date."""
    newest = Checkpoint.objects.order_by("-number").values_list("created_at", flat=True).first()
    if newest is None or newest < now - COUNTED_LATELY:
        return RelyingParty.objects.none()
    tokens = HourlyCount.objects.filter(
        client_id=OuterRef("client_id"),
        issuer=OuterRef("issuer_url"),
        hour__gte=now - UNUSED,
        outcome=Outcome.ISSUED,
    )
    old = RelyingParty.objects.filter(is_active=True, created__lt=now - UNUSED)
    return _by_name(old.annotate(issuer_url=_issuer_url()).filter(~Exists(tokens)))


def without_contact(_now: datetime) -> QuerySet[RelyingParty]:
    return _by_name(RelyingParty.objects.filter(is_active=True, contact=""))


def _by_name(clients: QuerySet[RelyingParty]) -> QuerySet[RelyingParty]:
    return clients.select_related("issuer").order_by("client_id", "pk")


def _issuer_url() -> Concat:
    """As `Issuer.url`."""
    path = Case(
        When(issuer__path="", then=Value("")),
        default=Concat(Value("/"), F("issuer__path")),
        output_field=CharField(),
    )
    return Concat(Value(str(settings.PUBLIC_URL)), path)


LISTS = (
    TidyList(
        name="chosen-secrets",
        title="Secrets that a person chose",
        few="secret that a person chose",
        many="secrets that a person chose",
        why="Rotate them: a generated secret is made, and the chosen one ends when you say.",
        rows=chosen,
    ),
    TidyList(
        name="old-secrets",
        title="Secrets that live longer than their issuer allows",
        few="secret that lives longer than its issuer allows",
        many="secrets that live longer than their issuer allows",
        why="They were made before the greatest age was lowered, and go on until they end. Rotate them.",
        rows=outlive_their_limit,
    ),
    TidyList(
        name="never-used",
        title="Secrets never used",
        few="secret never used",
        many="secrets never used",
        why="They are live, older than 7 days, and never proved their client. Revoke those that nobody waits for.",
        rows=never_used,
    ),
    TidyList(
        name="unused-clients",
        title="Clients unused for 90 days",
        few="client unused for 90 days",
        many="clients unused for 90 days",
        why="They are enabled and older than 90 days, and got no token in the last 90. Disable those that have gone.",
        rows=unused,
    ),
    TidyList(
        name="without-contact",
        title="Clients without a contact",
        few="client without a contact",
        many="clients without a contact",
        why="Nobody knows whom to call, and no notice can be sent before a credential ends.",
        rows=without_contact,
    ),
)
