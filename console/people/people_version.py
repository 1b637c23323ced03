"""The version of a user or group that a form was made from. They have no history: the form carries signed fields.

No password and no hash is among them. The form of a password carries a keyed digest of the hash.
"""

from collections.abc import Sequence
from typing import Any

from django.core.signing import BadSignature, Signer
from django.db.models import Model, Q
from django.forms.models import model_to_dict
from django.utils.crypto import salted_hmac

from audit.models import OperationalEvent
from console.admin_base.change_history import MAX_CHANGES, Change, FieldChange
from console.admin_base.versions.merged_form import Before
from issuers.versioning.history import Source
from issuers.versioning.version_of import StaleVersionError

SIGNER = Signer(salt="console.people.people_version")
LEFT_OUT = ("id", "password", "last_login", "date_joined")
PASSWORD = "password"  # noqa: S105 - the name of a column
"""Among the links: a keyed digest of the hash counts too."""
SOURCES = {source.value: source.label for source in Source}


def version(model: type[Model], pk: int, *links: str) -> str:
    """Empty if there is no such row. `links`: relations from other tables whose rows count too."""
    event = _events().values_list("id", flat=True).first() or 0
    row = model._default_manager.filter(pk=pk).first()
    if row is None:
        return ""
    return SIGNER.sign_object({"fields": _fields(row, *links), "event": event}, compress=True)


def require_version(model: type[Model], pk: int, seen: str, *links: str) -> None:
    """Lock the row until the transaction ends. Raises StaleVersionError."""
    row = model._default_manager.select_for_update(of=("self",), no_key=True).filter(pk=pk).first()
    if row is not None and _read(seen).get("fields") != _fields(row, *links):
        raise StaleVersionError


def before(seen: str) -> Before | None:
    fields = _read(seen).get("fields")
    return None if fields is None else Before(fields=fields)


def changes_since(row: Any, seen: str, *links: str) -> Sequence[Change]:
    """As the record has them, under the former and the present name; with links those that name it too."""
    read = _read(seen)
    names = {str(row), str(read.get("fields", {}).get(_name_field(row), row))}
    targets = [f"{row._meta.verbose_name} {name}" for name in names]
    of_row = Q(target__in=targets)
    if links:
        of_row |= Q(detail__startswith=f"{row._meta.verbose_name_plural} ", detail__contains=str(row))
    events = _events().filter(of_row, id__gt=read.get("event", 0))
    return [_change(event) for event in events[:MAX_CHANGES]]


def _fields(row: Model, *links: str) -> dict[str, Any]:
    """By field, related rows by their ids."""
    values = model_to_dict(row, exclude=LEFT_OUT)
    for name in links:
        if name == PASSWORD:
            values[name] = salted_hmac(SIGNER.salt, getattr(row, name)).hexdigest()
            continue
        relation: Any = row._meta.get_field(name)
        values[name] = list(getattr(row, relation.get_accessor_name()).all())
    return {
        name: sorted(each.pk for each in value) if isinstance(value, list) else value
        for name, value in values.items()
    }


def _read(seen: str) -> dict[str, Any]:
    """Empty for a text that this server did not write."""
    try:
        read: dict[str, Any] = SIGNER.unsign_object(seen)
    except BadSignature:
        return {}
    return read


def _events() -> Any:
    return OperationalEvent.objects.filter(kind=OperationalEvent.Kind.ACCOUNT_CHANGED).order_by("-id")


def _name_field(row: Any) -> str:
    return str(getattr(row, "USERNAME_FIELD", "name"))


def _change(event: OperationalEvent) -> Change:
    return Change(
        at=event.at,
        actor=event.actor,
        source=SOURCES.get(event.source, event.source),
        kind="Account changed",
        what=event.target,
        fields=(FieldChange(name="what", before="", after=event.detail),),
    )
