"""What needs an act now: clients that began to be refused, what cannot sign, and what is wrong with the record."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from django.utils.text import Truncator

from console.admin_base.page import MAX_NAMED
from console.overview.lines import Act, Line, Reader
from console.requests.record_links import record_link
from console.signing_keys.key_outlook import Outlook
from issuance.health.record import record_problems, seal_problems
from issuance.models import Notice
from issuance.outlook.failing import HOUR, Failing, failing_clients
from issuers.models import Issuer
from keys.expiry import unreadable_chains
from keys.models import SigningKey

UNPROVEN = " None of them proved that it came from this client."
NO_KEY = "It has no active {alg} key: it cannot issue."
UNREADABLE_CHAIN = (
    "Certificate chains that cannot be read: this key's was changed past the console. The key signs, and the JWKS has "
    "it without a chain."
)
UNSENT = "The notice to its owner by {channel} was not sent. Attempts: {attempts}. {reason}"
SEES_CLIENTS = "relying_parties.view_relyingparty"
MAX_KID = 13
"""Characters: enough to tell keys apart."""
SEES_KEYS = "keys.view_signingkey"


def failing(reader: Reader, now: datetime) -> Iterator[Line]:
    """Those that are refused most; to know of more costs more."""
    for client in islice(failing_clients(now), MAX_NAMED):
        row = client.relying_party
        yield Line(
            subject=row.client_id,
            url=reader.link("relying_parties_relyingparty_change", row.pk, needs=SEES_CLIENTS),
            issuer=row.issuer.name,
            state="refused",
            fact=_what_fails(client),
            acts=(
                Act("See why", _refused(client, since=now - HOUR)),
                *reader.act(
                    "Its credentials",
                    "relying_parties_relyingparty_credentials",
                    row.pk,
                    needs=SEES_CLIENTS,
                ),
            ),
        )


def _refused(client: Failing, *, since: datetime) -> str:
    row = client.relying_party
    return record_link(client=row.client_id, issuer=row.issuer.url, outcome="refused", since=since)


def _what_fails(client: Failing) -> str:
    unproven = "" if client.is_proven else UNPROVEN
    return f"0 issued, {client.refused:,} refused in the last hour: {client.reason}{unproven}"


def unable(reader: Reader, issuers: Iterable[Issuer]) -> Iterator[Line]:
    """Issuers that are active and cannot sign."""
    for issuer in issuers:
        create = ("issuers_issuer_create_key", issuer.pk, issuer.signing_alg)
        yield Line(
            subject=issuer.name,
            url=reader.link("issuers_issuer_change", issuer.pk, needs="issuers.view_issuer"),
            state="cannot issue",
            fact=NO_KEY.format(alg=issuer.signing_alg),
            acts=reader.act("Create its key", *create, needs="keys.add_signingkey"),
        )


def overdue(reader: Reader, outlooks: Iterable[Outlook]) -> Iterator[Line]:
    for outlook in outlooks:
        yield Line(
            subject=_name(outlook.key),
            url=reader.link("keys_signingkey_change", outlook.key.pk, needs=SEES_KEYS),
            issuer=outlook.issuer.name,
            state="overdue",
            fact=f"Overdue since {outlook.overdue_since:%Y-%m-%d}: it goes on signing, and has no successor.",
            acts=reader.act("Rotate", "keys_signingkey_rotate", outlook.key.pk, needs="keys.add_signingkey"),
        )


def unreadable(reader: Reader, now: datetime) -> Iterator[Line]:
    for key in unreadable_chains(now):
        yield Line(
            subject=_name(key),
            url=reader.link("keys_signingkey_change", key.pk, needs=SEES_KEYS),
            issuer=str(key.issuer),
            state="no chain",
            fact=UNREADABLE_CHAIN,
            acts=reader.act(
                "Attach a chain", "keys_signingkey_chain", key.pk, needs="keys.change_signingkey"
            ),
        )


def unsent(reader: Reader, now: datetime) -> Iterator[Line]:
    """Notices whose last attempt failed. One that is still wanted is tried again before `due_at` is long past."""
    failed = Notice.objects.filter(sent_at=None, due_at__gt=now - HOUR).exclude(failure="")
    for notice in failed.order_by("pk")[: MAX_NAMED + 1]:
        page = ("relying_parties_relyingparty_change", notice.relying_party_id)
        yield Line(
            subject=notice.client_id,
            url=reader.link(*page, needs=SEES_CLIENTS),
            state="not sent",
            fact=UNSENT.format(channel=notice.channel, attempts=notice.attempts, reason=notice.failure),
            acts=reader.act("Its contact", *page, needs=SEES_CLIENTS),
        )


def record() -> Iterator[Line]:
    """What is wrong with the record; each text says what to do."""
    for problem in (*record_problems(), *seal_problems()):
        yield Line(subject="The record", url="", state="at risk", fact=problem)


def _name(key: SigningKey) -> str:
    return f"{key.alg} key {Truncator(key.kid).chars(MAX_KID)}"
