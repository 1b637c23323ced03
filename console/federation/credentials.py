"""A relying party's federated credentials as its page shows them, and how one is added from a preset."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models, transaction

from audit.credential_name import CredentialKind, CredentialName
from console.admin_base.last_uses import LastUse, last_uses
from issuance.outlook.consistency import refuse_incoherent
from relying_parties.federation.preset import Filled
from relying_parties.models import FederatedCredential, RelyingParty, TrustedIssuer


@dataclass(frozen=True, slots=True)
class FederatedLine:
    credential: FederatedCredential
    pins: tuple[str, ...]
    use: LastUse


def federated_lines(relying_party: RelyingParty) -> list[FederatedLine]:
    credentials = list(relying_party.federated_credentials.select_related("trusted_issuer"))
    added = FederatedCredential.history.filter(relying_party_id=relying_party.pk, history_type="+")
    made = dict(added.values_list("id", "history_date"))
    uses = last_uses({_name(credential): made.get(credential.pk) for credential in credentials})
    return [
        FederatedLine(credential=credential, pins=_pins(credential), use=uses[_name(credential)])
        for credential in credentials
    ]


def _pins(credential: FederatedCredential) -> tuple[str, ...]:
    return tuple(
        f"{claim}: {json.dumps(value, ensure_ascii=False)}" for claim, value in credential.claims.items()
    )


def _name(credential: FederatedCredential) -> str:
    """When it proved the relying party, by the record."""
    return str(CredentialName(CredentialKind.FEDERATED, credential.pk))


def add_from_preset(
    relying_party: RelyingParty, filled: Filled, *, issuer_name: str, label: str, now: datetime
) -> tuple[FederatedCredential, bool]:
    """A credential, and whether its trusted issuer was made for it: a trusted issuer of that URL is used as it is.

    Raises ValidationError by the names of the form's fields: `issuer_name`, `jwks`, `label`.
    """
    with transaction.atomic():
        there = TrustedIssuer.objects.filter(
            issuer=relying_party.issuer, issuer_url=filled.trusted_issuer["issuer_url"]
        ).first()
        trusted = there or TrustedIssuer(
            issuer=relying_party.issuer, name=issuer_name, **filled.trusted_issuer
        )
        if there:
            _refuse_another(there, filled.trusted_issuer)
        else:
            _save(trusted, fields={"name": "issuer_name", "jwks": "jwks"})
        credential = FederatedCredential(
            relying_party=relying_party, trusted_issuer=trusted, label=label, **filled.credential
        )
        _save(credential, fields={"label": "label"})
        refuse_incoherent([trusted, credential], now=now)
    return credential, there is None


def _refuse_another(there: TrustedIssuer, wanted: Mapping[str, Any]) -> None:
    """Raise ValidationError if an existing trusted issuer differs from what the answers require."""
    asked = wanted["audience"] or there.issuer.url
    if asked != there.expected_audience:
        raise ValidationError(
            f"The trusted issuer {there} has this URL and takes the audience {there.expected_audience}, not {asked}: "
            f"change it on its page first."
        )
    if wanted["jwks"] is not None and wanted["jwks"] != there.jwks:
        raise ValidationError(
            {
                "jwks": f"The trusted issuer {there} has this URL, and keys of its own: "
                f"leave this empty, or change them on its page."
            }
        )


def _save(row: models.Model, *, fields: Mapping[str, str]) -> None:
    """`fields` are those of the row that are in the form, with their names there; other errors belong to no field."""
    try:
        row.full_clean()
    except ValidationError as refusal:
        problems: dict[str, list[str]] = {}
        for name, messages in refusal.message_dict.items():
            problems.setdefault(fields.get(name, NON_FIELD_ERRORS), []).extend(messages)
        raise ValidationError(problems) from refusal
    row.save()
