"""What a notice says: as text for a mail, and as JSON for a webhook. Never a secret, nor a detail of the record."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from formats.masking import cleaned
from issuance.outlook.failing import Failing
from issuers.expiry import Expiry, Kind
from relying_parties.models import RelyingParty
from upkeep.expiry import subject_of

OF_CLIENTS = frozenset({Kind.CLIENT_SECRET, Kind.CLIENT_KEY, Kind.CLIENT_CERTIFICATE, Kind.RELYING_PARTY})
"""Kinds whose page is the client's."""
ENDING, FAILING = "credential.ending", "client.failing"
UNPROVEN = " None of these requests proved that it came from the client: somebody else may have sent them."
SENT_TO = (
    "You get this as the contact of the client {client} at {issuer}.\nThe client in the console: {console}\n"
)
ENDS = "The {kind} {name} of the client {client} at {issuer} ends at {at}, within {days}.\n\n{what_to_do}\n\n{sent_to}"
CLIENT_ENDS = "The client {client} at {issuer} ends at {at}, within {days}.\n\n{what_to_do}\n\n{sent_to}"
ASK = (
    "From then on its requests for tokens are refused. Ask those who operate the issuer for the next one in time, and "
    "see that the service uses it."
)
REPLACED = "A younger one lives longer: see that the service uses that one by then."
FAILS = (
    "The client {client} at {issuer} got tokens until about {last_token}. In the last hour it got none, and {refused} "
    "of its requests were refused, most of them with the error {error}.{unproven}\n\n"
    "Those who operate the issuer see the reason in the console.\n\n{sent_to}"
)


@dataclass(frozen=True, slots=True)
class Message:
    """`subject`, `instant` and `days` identify it: it is sent once."""

    subject: str
    instant: datetime
    days: int
    client: RelyingParty
    title: str
    text: str
    type: str
    data: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, datetime, int]:
        return self.subject, self.instant, self.days


def messages(endings: Iterable[Expiry], failing: Iterable[Failing]) -> Iterator[Message]:
    """For clients that have a contact."""
    of_clients = [ending for ending in endings if ending.kind in OF_CLIENTS]
    contacts = RelyingParty.objects.exclude(contact="").select_related("issuer")
    clients = contacts.in_bulk([ending.page_id for ending in of_clients])
    for ending in of_clients:
        if client := clients.get(ending.page_id):
            yield _ending(ending, client)
    for each in failing:
        if each.relying_party.contact:
            yield _failing(each)


def _ending(ending: Expiry, client: RelyingParty) -> Message:
    days = "1 day" if ending.days == 1 else f"{ending.days} days"
    # Its name in the list of what ends has the client's behind it.
    name = cleaned(ending.name.removesuffix(f" of {client.client_id}"))
    is_client = ending.kind == Kind.RELYING_PARTY
    what = (
        f"Client {client.client_id}"
        if is_client
        else f"{ending.kind.capitalize()} {name} of {client.client_id}"
    )
    text = (CLIENT_ENDS if is_client else ENDS).format(
        kind=ending.kind,
        name=name,
        client=client.client_id,
        issuer=client.issuer.url,
        at=_instant(ending.at),
        days=days,
        what_to_do=REPLACED if ending.is_replaced else ASK,
        sent_to=_sent_to(client),
    )
    return Message(
        subject=subject_of(ending),
        instant=ending.at,
        days=ending.days,
        client=client,
        title=f"{what} ends {_instant(ending.at)}",
        text=text,
        type=ENDING,
        data=_data(client)
        | {
            "kind": ending.kind.value,
            "name": name,
            "ends_at": ending.at.isoformat(),
            "within_days": ending.days,
            "is_replaced": ending.is_replaced,
        },
    )


def _failing(failing: Failing) -> Message:
    client = failing.relying_party
    text = FAILS.format(
        client=client.client_id,
        issuer=client.issuer.url,
        last_token=_instant(failing.last_token),
        refused=failing.refused,
        error=failing.error,
        unproven="" if failing.is_proven else UNPROVEN,
        sent_to=_sent_to(client),
    )
    return Message(
        subject=f"failing:{client.pk}",
        instant=failing.last_token,
        days=0,
        client=client,
        title=f"Client {client.client_id} gets no more tokens",
        text=text,
        type=FAILING,
        data=_data(client)
        | {
            "refused": failing.refused,
            "error": failing.error,
            "is_proven": failing.is_proven,
            "last_token": failing.last_token.isoformat(),
        },
    )


def _data(client: RelyingParty) -> dict[str, Any]:
    return {
        "issuer": client.issuer.url,
        "client_id": client.client_id,
        "client_name": cleaned(client.name),
        "contact": client.contact,
        "console": _console(client),
    }


def _sent_to(client: RelyingParty) -> str:
    return SENT_TO.format(client=client.client_id, issuer=client.issuer.url, console=_console(client))


def _console(client: RelyingParty) -> str:
    return f"{settings.CONSOLE_URL}/admin/relying_parties/relyingparty/{client.pk}/change/"


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
