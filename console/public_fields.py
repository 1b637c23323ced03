"""Form fields for keys and certificates of others: a private key in one is refused, and not shown again (P10.3)."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput

from console.fields import MOST_UPLOADED, Json
from issuers.pem import holds_private_key
from relying_parties.client_keys import PRIVATE_MEMBERS

PRIVATE_MEMBER = re.compile(rf"""["'](?:{"|".join(sorted(PRIVATE_MEMBERS))})["']\s*:""")
"""In text that may be no JSON, such as a JWK Set that is cut off."""
NOT_SHOWN = (
    "This holds a private key, which was not kept and is not shown again: give {public}, and replace the key."
)


class PublicKeys(Json):
    """A JWK Set."""

    def to_python(self, value: Any) -> Any:
        if _holds_private_part(value):
            raise ValidationError(NOT_SHOWN.format(public="the public half alone"))
        return super().to_python(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        return InvalidJSONInput("") if _holds_private_part(data) else super().bound_data(data, initial)


class Certificates(forms.CharField):
    """PEM."""

    def __init__(self, *, rows: int, **options: Any) -> None:
        attrs = {"rows": rows, "class": "pem", "spellcheck": "false", "autocomplete": "off"}
        widget = forms.Textarea(attrs=attrs)
        super().__init__(**options, required=False, max_length=MOST_UPLOADED, widget=widget)

    def to_python(self, value: Any) -> Any:
        if holds_private_key(value or ""):
            raise ValidationError(NOT_SHOWN.format(public="the certificates alone"))
        return super().to_python(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        return "" if holds_private_key(data or "") else super().bound_data(data, initial)


def _holds_private_part(text: str | None) -> bool:
    return text is not None and (holds_private_key(text) or PRIVATE_MEMBER.search(text) is not None)
