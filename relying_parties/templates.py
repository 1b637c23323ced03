"""What a claim template is compiled to, and the values that are the same for each of a client's requests."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from issuers.models import GlobalVariable, Issuer
from relying_parties.claims.language import MissingValueError, compile_template, placeholders, render
from relying_parties.client import NO_TEMPLATE, Template
from relying_parties.models import ClaimTemplate, RelyingParty


def compiled(template: ClaimTemplate | None) -> Template:
    if template is None:
        return NO_TEMPLATE
    claims, headers = compile_template(template.claims), compile_template(template.headers)
    version = template.history.values_list("history_id", flat=True).first()
    return Template(
        label=f"{template.name}@{version}",
        claims=claims,
        headers=headers,
        with_x5t=template.with_x5t,
        with_x5c=template.with_x5c,
        parameters=frozenset(
            placeholder.parameter
            for placeholder in (*placeholders(claims), *placeholders(headers))
            if placeholder.parameter
        ),
    )


def own_values(relying_party: RelyingParty) -> dict[str, Any]:
    issuer = relying_party.issuer
    return {
        "client.client_id": relying_party.client_id,
        "client.name": relying_party.name,
        "client.description": relying_party.description,
        "client.contact": relying_party.contact,
        "issuer.url": issuer.url,
        "issuer.path": issuer.path,
        "issuer.name": issuer.name,
    }


def variables_of(issuer: Issuer) -> dict[str, Any]:
    """The global variables that its relying parties see, as `globals.NAME`."""
    variables = GlobalVariable.objects.filter(Q(issuer__isnull=True) | Q(issuer=issuer))
    # The shared ones first, so that an issuer's own replace them.
    ordered = sorted(variables, key=lambda variable: variable.issuer_id is not None)
    return {f"globals.{variable.name}": variable.value for variable in ordered}


def literal_audience(template: Template, values: Mapping[str, Any]) -> tuple[str, ...]:
    """The audience that the template itself sets, empty if it leaves it to the grant.

    Empty also if it cannot be resolved: then the token's claims cannot either, and that is refused to the proven client
    only.
    """
    node = template.claims.get("aud")
    if node is None or any(placeholder.namespace == "grant" for placeholder in placeholders(node)):
        return ()
    try:
        audience = render(node, values)
    except MissingValueError:
        return ()
    return tuple(str(value) for value in (audience if isinstance(audience, list) else [audience]))
