"""A form that was sent when its session had ended: its values outlive the sign-in, and the form is shown with them.

They travel in the pages of the sign-in, encrypted and for that user alone: the server keeps nothing of them. Passwords
and files are left out.
"""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.template.response import TemplateResponse
from django.utils import timezone

from console.sign_in.login_visitor import Visitor, mark_of
from keys.encryption import EncryptedKey, KeyUnreadableError, decrypt, encrypt

KEPT = "kept_form"
"""The field of the pages of a sign-in that holds it."""
MAX_KEPT = 200_000
"""Characters of its values. A larger form is not kept."""
GOOD_FOR = 3600
"""Seconds."""
LEFT_OUT = re.compile(
    r"password|passphrase|csrfmiddlewaretoken|^(token|secret|code|pem|key|pasted|text)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class KeptForm:
    path: str
    values: str
    """As a query string."""

    @property
    def data(self) -> QueryDict:
        return QueryDict(self.values)


def kept(request: HttpRequest) -> str:
    """The sent form for a page; empty if the browser's last user is unknown, the form too large, or passwords off."""
    user = Visitor.of(request).known_user if settings.TAKES_PASSWORDS else ""
    values = request.POST.copy()
    for name in [name for name in values if LEFT_OUT.search(name)]:
        del values[name]
    sent = values.urlencode()
    if not user or not values or len(sent) > MAX_KEPT:
        return ""
    content = json.dumps([request.get_full_path(), sent, timezone.now().timestamp()])
    sealed = encrypt(content.encode(), identity=_identity(user))
    return f"{sealed.kek_id}.{base64.urlsafe_b64encode(sealed.ciphertext).decode()}"


def opened(text: str, username: str) -> KeptForm | None:
    """None unless this server kept it for this user, within the hour."""
    kek_id, _, sealed = text.partition(".")
    try:
        ciphertext = base64.urlsafe_b64decode(sealed.encode())
        content = decrypt(EncryptedKey(kek_id, ciphertext, _identity(mark_of(username))))
    except (ValueError, KeyUnreadableError):
        return None
    path, values, at = json.loads(content)
    return KeptForm(path, values) if timezone.now().timestamp() - at < GOOD_FOR else None


def fill(response: Any, data: QueryDict, version: str) -> None:
    """Put the values into the forms of a page that is not rendered yet. `version`: the context's name of it."""
    if not isinstance(response, TemplateResponse) or response.context_data is None:
        return
    context = response.context_data
    forms = [context.get("form"), getattr(context.get("adminform"), "form", None)]
    formsets = [inline.formset for inline in context.get("inline_admin_formsets") or ()]
    for form in filter(None, [*forms, *formsets]):
        form.data, form.is_bound = data, True
    for formset in formsets:
        # Django made the forms of what is stored; they are made again, of what was typed.
        for made in ("forms", "management_form"):
            vars(formset).pop(made, None)
    if version in data:
        context[version] = data[version]


def _identity(mark: str) -> str:
    return f"kept form of {mark}"
