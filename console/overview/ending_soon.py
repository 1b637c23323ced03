"""What ends within 30 days, the first first, each with its last use."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from django.utils.timesince import timesince

from audit.credential_name import CredentialKind, CredentialName
from audit.reading.index_ranges import IndexRange
from audit.reading.positions import FIRST, LAST
from console.admin_base.instants import written
from console.overview.lines import Act, Line, Reader
from issuers.expiry import Expiry, Kind

CLIENT = "relying_parties_relyingparty_change"
CREDENTIALS_OF_CLIENT = "relying_parties_relyingparty_credentials"
PLACES: Mapping[Kind, tuple[str, str, str]] = {
    Kind.CLIENT_SECRET: (CREDENTIALS_OF_CLIENT, "#secrets", "relying_parties.view_relyingparty"),
    Kind.RELYING_PARTY: (CLIENT, "", "relying_parties.view_relyingparty"),
    Kind.CLIENT_KEY: (CREDENTIALS_OF_CLIENT, "#client-keys", "relying_parties.view_relyingparty"),
    Kind.CLIENT_CERTIFICATE: (CREDENTIALS_OF_CLIENT, "#client-keys", "relying_parties.view_relyingparty"),
    Kind.CLIENT_CA_CERTIFICATE: ("issuers_issuer_change", "#client-authorities", "issuers.view_issuer"),
    Kind.SIGNING_CERTIFICATE: ("keys_signingkey_change", "", "keys.view_signingkey"),
}
"""The page of each kind, the place on it, and the permission to see it."""
CREDENTIALS: Mapping[Kind, CredentialKind] = {
    Kind.CLIENT_SECRET: CredentialKind.SECRET,
    Kind.CLIENT_KEY: CredentialKind.KEY,
    Kind.CLIENT_CERTIFICATE: CredentialKind.CERTIFICATE,
}


def lines(reader: Reader, endings: Iterable[Expiry], now: datetime) -> Iterator[Line]:
    for ending in endings:
        page, place, needs = PLACES[ending.kind]
        within = "within 1 day" if ending.days == 1 else f"within {ending.days} days"
        yield Line(
            subject=ending.name,
            url=reader.link(page, ending.page_id, needs=needs, at=place),
            issuer=ending.issuer,
            state="replaced" if ending.is_replaced else within,
            fact=f"{ending.kind.capitalize()}: ends {written(ending.at)}."
            f"{_last_use(reader, ending, now)} {ending.advice}",
            acts=() if ending.is_replaced else _acts(reader, ending),
        )


def _acts(reader: Reader, ending: Expiry) -> tuple[Act, ...]:
    if ending.kind == Kind.CLIENT_SECRET:
        rotate = ("relying_parties_relyingparty_rotate_secret", ending.page_id, ending.id)
        return reader.act("Rotate", *rotate, needs="relying_parties.add_clientsecret")
    if ending.kind == Kind.SIGNING_CERTIFICATE:
        return reader.act(
            "Attach a chain", "keys_signingkey_chain", ending.id, needs="keys.change_signingkey"
        )
    if ending.kind == Kind.CLIENT_CA_CERTIFICATE:
        page = ("issuers_issuer_change", ending.page_id)
        return reader.act("Add the next one", *page, needs="issuers.change_issuer", at="#client-authorities")
    needs = "relying_parties.change_relyingparty"
    if ending.kind == Kind.RELYING_PARTY:
        return reader.act(
            "Move its end", "relying_parties_relyingparty_restrictions", ending.page_id, needs=needs
        )
    return reader.act("Register the next one", CREDENTIALS_OF_CLIENT, ending.page_id, needs=needs)


def _last_use(reader: Reader, ending: Expiry, now: datetime) -> str:
    """Of a credential, for who may see the record; empty for anything else."""
    if ending.kind not in CREDENTIALS or not reader.sees_record:
        return ""
    name = str(CredentialName(CREDENTIALS[ending.kind], ending.id, ending.thumbprint))
    uses = IndexRange(column="credential", value=name, first=FIRST, last=LAST, backwards=True).walked()
    for at, credential, address in uses.values_list("at", "credential", "ip")[:1]:
        if credential == name:
            return f" Last used {timesince(at, now, depth=1)} ago from {address}."
    return " Never used."
