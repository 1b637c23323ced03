"""A claim template while it is edited: the token that it would give a client, and why saving it would be refused.

The token is rendered by the function that issues it (issuance/outlook/preview.py), of a template that is not saved.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import Truncator

from console.admin_base.fields.values import Json
from console.tokens.token_preview import TokenPreview, token_preview
from relying_parties.consistency import problems_of, reached_by, relying_parties_of
from relying_parties.models import ClaimTemplate, RelyingParty
from relying_parties.templates import own_values, variables_of

MAX_CHECKED = 20
"""Clients whose problems are looked for while one types; saving looks at all."""
MAX_SUGGESTED = 50
MAX_VALUE = 200
FIELDS = ("claims", "headers", "with_x5t", "with_x5c")


class DraftForm(forms.Form):
    """What is typed into a template's page, of which the token is made, and the client that it is shown for."""

    claims = Json(required=False)
    headers = Json(required=False)
    with_x5t = forms.BooleanField(required=False)
    with_x5c = forms.BooleanField(required=False)
    for_client = forms.CharField(required=False, max_length=255)


@dataclass(frozen=True, slots=True)
class Line:
    """Of a token. `mark` is "added", "removed" or empty, against the token of what is saved."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """What a template can insert, and its present value for the client; empty where a request decides."""

    text: str
    value: str


@dataclass(frozen=True, slots=True)
class Editor:
    for_client: str
    """As it was typed, or the client ID of the first client."""
    client: RelyingParty | None
    preview: TokenPreview | None
    """None where there is no client, or no template that could be rendered."""
    header: tuple[Line, ...]
    claims: tuple[Line, ...]
    problems: tuple[str, ...]
    """Why saving would be refused."""
    names: tuple[Name, ...]
    users: tuple[RelyingParty, ...]
    """The first clients that use the template."""
    more_users: int
    suggested: tuple[str, ...]
    """Client IDs."""
    is_draft: bool
    """Whether it shows what is typed, not what is saved."""

    @property
    def used_by(self) -> int:
        return len(self.users) + self.more_users


def editor(stored: ClaimTemplate | None, typed: Mapping[str, Any] | None, *, now: datetime) -> Editor:
    """`stored`: None for a new template. `typed`: None for the one that is stored."""
    form = DraftForm(typed)
    draft = _draft(form, stored) if form.is_valid() else stored or ClaimTemplate()
    problems = _form_problems(form) or _template_problems(draft)
    asked = str(form.data.get("for_client", "")).strip()
    client = _client(asked, stored)
    users = reached_by(stored).order_by("client_id") if stored else RelyingParty.objects.none()
    shown = None if problems or client is None else _preview(client, draft, now)
    before = _preview(client, stored, now) if shown and client and stored else None
    return Editor(
        for_client=asked or (client.client_id if client else ""),
        client=client,
        preview=shown,
        header=_marked(before.header if before else None, shown.header) if shown else (),
        claims=_marked(before.claims if before else None, shown.claims) if shown else (),
        problems=tuple(problems or _problems_of_users(users, draft)),
        names=tuple(_names(client)),
        users=tuple(users[:MAX_CHECKED]),
        more_users=max(users.count() - MAX_CHECKED, 0),
        suggested=_suggested(stored),
        is_draft=typed is not None,
    )


def _draft(form: DraftForm, stored: ClaimTemplate | None) -> ClaimTemplate:
    values = {name: form.cleaned_data[name] for name in FIELDS}
    return ClaimTemplate(pk=stored.pk if stored else None, name=stored.name if stored else "", **values)


def _form_problems(form: DraftForm) -> list[str]:
    return [f"{name}: {problem}" for name, found in form.errors.items() for problem in found]


def _template_problems(template: ClaimTemplate) -> list[str]:
    try:
        template.clean()
    except ValidationError as error:
        return [f"{name}: {problem}" for name, found in error.message_dict.items() for problem in found]
    return []


def _problems_of_users(users: Any, draft: ClaimTemplate) -> Iterator[str]:
    for user in relying_parties_of(users.values_list("pk", flat=True)[:MAX_CHECKED]):
        user.claim_template = draft
        yield from (f"{user.client_id}: {problem}" for problem in problems_of(user))


def _client(asked: str, stored: ClaimTemplate | None) -> RelyingParty | None:
    """The one of this client ID, else the first; one that uses the template before others."""
    uses = reached_by(stored) if stored else RelyingParty.objects.none()
    everyone = RelyingParty.objects.select_related("issuer", "claim_template")
    for clients in (uses, everyone):
        named = clients.filter(client_id=asked) if asked else clients
        if found := named.order_by("client_id", "pk").first():
            return found
    return None


def _preview(client: RelyingParty, template: ClaimTemplate, now: datetime) -> TokenPreview:
    own = client.claim_template
    client.claim_template = template
    try:
        return token_preview(client, now=now)
    finally:
        client.claim_template = own


def _marked(before: str | None, after: str) -> tuple[Line, ...]:
    """Nothing is marked where there is nothing to compare with."""
    new = after.split("\n")
    if not before:
        return tuple(Line(text) for text in new)
    return tuple(_compared(before.split("\n"), new))


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    """A line that only moved is no change, nor is a comma at its end, which comes with the next member."""
    was, is_now = [line.rstrip(",") for line in old], [line.rstrip(",") for line in new]
    for _, old_start, old_end, new_start, new_end in SequenceMatcher(None, was, is_now).get_opcodes():
        gone = [line for line in old[old_start:old_end] if line.rstrip(",") not in is_now]
        yield from (Line(line, "removed") for line in gone)
        yield from (Line(line, "" if line.rstrip(",") in was else "added") for line in new[new_start:new_end])


def _names(client: RelyingParty | None) -> Iterator[Name]:
    """Without a client there are no values."""
    values = own_values(client) | variables_of(client.issuer) if client else {}
    for reference, value in values.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield Name(f"${{{reference}}}", Truncator(text).chars(MAX_VALUE))


def _suggested(stored: ClaimTemplate | None) -> tuple[str, ...]:
    clients = reached_by(stored) if stored else RelyingParty.objects.all()
    ids = clients.order_by("client_id").values_list("client_id", flat=True)
    return tuple(dict.fromkeys(ids[:MAX_SUGGESTED]))
