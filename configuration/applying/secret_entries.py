"""The secrets under a relying party. A file adds secrets and sets their expiry; it never removes or revokes one.

A secret is identified by its label, and a label keeps its value: a new value needs a new label, so that both live until
the old one is revoked. A label whose secrets are all revoked may be used again, a revoked value never.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from configuration.applying.run import Run
from configuration.plan import ADDED, CHANGED, GeneratedSecret, difference
from configuration.reading.entries import Entry
from issuers.models import Issuer
from issuers.paths import written_path
from relying_parties.models import ClientSecret, RelyingParty
from relying_parties.secrets.credentials import (
    add_chosen_secret,
    add_generated_secret,
    change_expiry,
    is_text_of,
    too_old_at_their_end,
)


def reconcile_secrets(relying_party: RelyingParty, entry: Entry, *, of: str, run: Run) -> None:
    for part in entry.parts["secrets"]:
        if not part.is_sound:
            continue
        reconcile = _reconcile_generated if "generate" in part.values else _reconcile_given
        try:
            reconcile(relying_party, part, subject=f"client secret {part.values['label']} {of}", run=run)
        except ValidationError as error:
            run.refuse(error, part)


def _reconcile_generated(relying_party: RelyingParty, entry: Entry, *, subject: str, run: Run) -> None:
    """A secret is generated once for a label, also when it was revoked or has expired since."""
    if registered := _labelled(relying_party, entry, run):
        _keep(registered[0], entry, subject=subject, run=run)
        return
    secret, text = add_generated_secret(relying_party=relying_party, **_own_values(entry))
    run.rows.parts(ClientSecret, relying_party).append(secret)
    run.draft.generated.append(GeneratedSecret(relying_party.client_id, entry.values["label"], text))
    run.draft.note(ADDED, subject, "would be generated" if run.dry_run else "generated")


def _reconcile_given(relying_party: RelyingParty, entry: Entry, *, subject: str, run: Run) -> None:
    try:
        text = entry.values["secret_from"].read(run.surroundings_of(entry))
    except ValueError as error:
        raise ValidationError({"secret_from": str(error)}) from error
    labelled = _labelled(relying_party, entry, run)
    registered = run.rows.parts(ClientSecret, relying_party)
    known = next((secret for secret in registered if is_text_of(text, secret)), None)
    if known is not None:
        _refuse_another_use(known, entry)
        _keep(known, entry, subject=subject, run=run)
        return
    if any(secret.revoked_at is None for secret in labelled):
        raise ValidationError(
            {"secret_from": "another value has this label: give the new one a label of its own."}
        )
    secret = add_chosen_secret(relying_party=relying_party, text=text, **_own_values(entry))
    registered.append(secret)
    run.draft.note(ADDED, subject)


def _refuse_another_use(known: ClientSecret, entry: Entry) -> None:
    if known.revoked_at is not None:
        raise ValidationError({"secret_from": "this value was revoked and cannot come back: take a new one."})
    if known.label != entry.values["label"]:
        raise ValidationError({"secret_from": f'this value is registered under the label "{known.label}".'})


def _keep(secret: ClientSecret, entry: Entry, *, subject: str, run: Run) -> None:
    expires_at = _wanted_end(secret, entry)
    if secret.revoked_at is not None or expires_at == secret.expires_at:
        run.draft.unchanged += 1
        return
    run.draft.note(CHANGED, subject, difference("expires_at", secret.expires_at, expires_at))
    change_expiry(secret, expires_at=expires_at, now=run.now)


def _wanted_end(secret: ClientSecret, entry: Entry) -> datetime | None:
    """`expires_at: null` is as late as the issuer allows, as for a new secret; a missing key leaves it as it is."""
    if "expires_at" not in entry.values:
        return secret.expires_at
    asked: datetime | None = entry.values["expires_at"]
    return secret.latest_end if asked is None else asked


def warn_of_old_secrets(entries: Iterable[Entry], run: Run) -> None:
    """Warn of secrets that live longer than the issuers of the file allow: a lower maximum age revokes none."""
    paths = [entry.values["path"] for entry in entries if entry.kind.model is Issuer and entry.is_sound]
    for issuer in Issuer.objects.filter(path__in=paths):
        for secret in too_old_at_their_end(issuer, now=run.now):
            end = f"until {secret.expires_at:%Y-%m-%d %H:%M} UTC" if secret.expires_at else "for ever"
            of = f"client {secret.relying_party.client_id} of {written_path(issuer.path)}"
            run.draft.warnings.append(
                f"client secret {secret} of {of}: lives {end}, longer than max_client_secret_age, "
                f"{issuer.max_client_secret_age} seconds: rotate it."
            )


def _labelled(relying_party: RelyingParty, entry: Entry, run: Run) -> list[ClientSecret]:
    if not entry.values["label"]:
        raise ValidationError({"label": "must not be empty: it distinguishes the secrets."})
    secrets = run.rows.parts(ClientSecret, relying_party)
    return [secret for secret in secrets if secret.label == entry.values["label"]]


def _own_values(entry: Entry) -> dict[str, Any]:
    columns = {column.name for column in entry.kind.fields().values()}
    return {name: value for name, value in entry.values.items() if name in columns}
