"""What restricts the requests of a client, in sentences."""

from collections.abc import Iterable, Sequence

from console.admin_base.instants import written
from relying_parties.models import RelyingParty

MAX_NAMED = 5


def networks(row: RelyingParty) -> str:
    if not row.allowed_networks:
        return "It may ask from any address."
    if not isinstance(row.allowed_networks, list):
        return "Its networks cannot be read: each request is refused."
    return f"It may ask from {_listed(row.allowed_networks)} only."


def quota(row: RelyingParty) -> str:
    limit = row.requests_per_minute
    if limit is None:
        return "It may ask as often as it likes."
    return f"It gets at most {limit:,} token{'' if limit == 1 else 's'} a minute."


def dates(row: RelyingParty) -> str:
    if row.valid_from and row.valid_until:
        return f"It gets tokens from {written(row.valid_from)} until {written(row.valid_until)}."
    if row.valid_from:
        return f"It gets tokens from {written(row.valid_from)} on."
    if row.valid_until:
        return f"It gets tokens until {written(row.valid_until)}."
    return "It gets tokens at any time."


def rules(row: RelyingParty) -> str:
    parameters = sorted(set(row.rules.values_list("parameter", flat=True)))
    if not parameters:
        return "No rule reads its requests."
    return f"Rules read the parameter{'' if len(parameters) == 1 else 's'} {_listed(parameters)}."


def binding(row: RelyingParty) -> str:
    if row.tls_client_certificate_bound_access_tokens and row.dpop_bound_access_tokens:
        return "Each token is bound to its TLS client certificate and to a DPoP key."
    if row.tls_client_certificate_bound_access_tokens:
        return "Each token is bound to its TLS client certificate."
    if row.dpop_bound_access_tokens:
        return "Each token is bound to a DPoP key of its own."
    return "Its tokens are not bound to a key: whoever holds one can use it."


def all_of(row: RelyingParty) -> list[str]:
    return [of(row) for of in (networks, quota, dates, rules, binding)]


def _listed(names: Sequence[object]) -> str:
    shown = [str(name) for name in names[:MAX_NAMED]]
    if len(names) > MAX_NAMED:
        return f"{', '.join(shown)} and {len(names) - MAX_NAMED} more"
    return _joined(shown)


def _joined(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
