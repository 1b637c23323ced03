"""Form fields for keys and certificates of others: only what is read as public is shown again (P10.3)."""

import json
import re
from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput

from console.admin_base.fields.values import MAX_UPLOADED, Json
from formats.certificates import CertificateUnreadableError, read_certificate, read_certificates
from formats.pem import holds_private_key
from formats.strict_json import StrictDecoder
from relying_parties.jwks.client_keys import PRIVATE_MEMBERS, KeyRefusedError, VerificationKey, client_keys
from relying_parties.jwks.pem_keys import as_jwk_set, is_pem, jwk_set_of_pem

PRIVATE_MEMBER = re.compile(rf"""["'](?:{"|".join(sorted(PRIVATE_MEMBERS))})\\*["']\s*:""")
"""In text that may not be JSON, such as a truncated JWK Set."""
PUBLIC_TEXTS = {
    "kty": 20, "crv": 20, "use": 20, "alg": 40, "kid": 255, "x5t": 30, "x5t#S256": 50, "x5u": 500,
    "n": 1_400, "e": 20, "x": 100, "y": 100,
}  # fmt: skip
"""The members of a JWK that are shown again (RFC 7517 section 4, RFC 7518 section 6), and the length of each."""
KEY_OPERATIONS = {"sign", "verify", "encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey", "deriveBits"}
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
NOT_SHOWN = (
    "This holds a private key, which was not kept and is not shown again: give {public}, and replace the key."
)
NOT_READ = "What you pasted was not kept, and is not shown again, since it could be secret: paste {public}."

SAVE_AGAIN = "Nothing is saved yet. Compare the keys that will be registered, then save again:"


class PublicKeys(Json):
    """A JWK Set. PEM and a single JWK are made one, which is shown first and registered when it is saved again."""

    def to_python(self, value: Any) -> Any:
        if _holds_private_part(value):
            raise ValidationError(NOT_SHOWN.format(public="the public half alone"))
        if value and is_pem(value):
            raise ValidationError(_shown_first(_keys_of_pem(value)))
        try:
            parsed = super().to_python(value)
        except ValidationError as error:
            raise ValidationError(f"{error.messages[0]} {NOT_READ.format(public='a JWK Set')}") from error
        if parsed is not None and not isinstance(parsed, dict):
            raise ValidationError(f"This is not a JWK Set. {NOT_READ.format(public='one')}")
        if as_jwk_set(parsed) is not parsed:
            raise ValidationError(_shown_first(as_jwk_set(parsed)))
        return parsed

    def bound_data(self, data: Any, initial: Any) -> Any:
        if self.disabled or data is None:
            return super().bound_data(data, initial)
        if is_pem(data):
            return InvalidJSONInput(_converted(data))
        parsed = as_jwk_set(_parsed(data))
        if parsed != _parsed(data):
            return InvalidJSONInput(
                json.dumps(_public_part(parsed), indent=2) if not _holds_private_part(data) else ""
            )
        if not isinstance(parsed, dict) or _holds_private_part(data):
            return InvalidJSONInput("")
        public = _public_part(parsed)
        return InvalidJSONInput(data if public == parsed else json.dumps(public, indent=2))


def _keys_of_pem(text: str) -> Any:
    try:
        return jwk_set_of_pem(text)
    except KeyRefusedError as error:
        raise ValidationError(
            f"{error} {NOT_READ.format(public='public keys or certificates in PEM')}"
        ) from error


def _converted(text: str) -> str:
    """Empty for what cannot be read."""
    try:
        return json.dumps(jwk_set_of_pem(text), indent=2)
    except KeyRefusedError:
        return ""


def _shown_first(jwks: Any) -> list[str]:
    """The question before keys that were not given as a JWK Set are registered."""
    try:
        keys = client_keys(jwks)
    except KeyRefusedError as error:
        raise ValidationError(str(error)) from error
    return [SAVE_AGAIN, *map(_described, keys)]


def _described(key: VerificationKey) -> str:
    parts = [f"Key ID {key.kid}", f"thumbprint {key.thumbprint}", f"signs with {' or '.join(key.algs)}"]
    if key.certificates:
        leaf = read_certificate(key.certificates[0])
        parts.append(f"certificate of {leaf.subject.rfc4514_string() or 'no name'}")
        parts.append(f"which ends on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
    return f"{', '.join(parts)}."


class Certificates(forms.CharField):
    """PEM. Text beside the certificates is not shown again."""

    def __init__(self, *, rows: int, **options: Any) -> None:
        attrs = {"rows": rows, "class": "pem", "spellcheck": "false", "autocomplete": "off"}
        widget = forms.Textarea(attrs=attrs)
        super().__init__(**options, required=False, max_length=MAX_UPLOADED, widget=widget)

    def to_python(self, value: Any) -> Any:
        text = value or ""
        if holds_private_key(text):
            raise ValidationError(NOT_SHOWN.format(public="the certificates alone"))
        if text.strip() and not _certificates_in(text):
            problem = "There is no certificate in PEM that can be read."
            raise ValidationError(f"{problem} {NOT_READ.format(public='certificates in PEM')}")
        return super().to_python(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        if self.disabled or data is None:
            return super().bound_data(data, initial)
        found = _certificates_in(data)
        is_all = not CERTIFICATE.sub("", data).strip() and len(found) == len(CERTIFICATE.findall(data))
        return data if is_all else "\n".join(found)


def _parsed(text: str) -> Any:
    """None for what is not JSON."""
    try:
        return json.loads(text, cls=StrictDecoder)
    except (ValueError, RecursionError):
        return None


def _public_part(jwks: dict[str, Any]) -> dict[str, Any]:
    """Of a JWK Set, or of a bare JWK, what is known to be public."""
    keys = jwks.get("keys")
    if not isinstance(keys, list):
        return _public_members(jwks)
    return {"keys": [_public_members(key) for key in keys if isinstance(key, dict)]}


def _public_members(jwk: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if _is_public(name, value)}


def _is_public(name: str, value: Any) -> bool:
    if name == "x5c":
        return isinstance(value, list) and all(map(_is_certificate, value))
    if name == "key_ops":
        return isinstance(value, list) and set(map(str, value)) <= KEY_OPERATIONS
    return isinstance(value, str) and len(value) <= PUBLIC_TEXTS.get(name, -1)


def _is_certificate(der: Any) -> bool:
    return isinstance(der, str) and bool(
        _certificates_in(f"-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----")
    )


def _certificates_in(text: str) -> list[str]:
    return [pem for pem in CERTIFICATE.findall(text) if _is_readable(pem)]


def _is_readable(pem: str) -> bool:
    try:
        return bool(read_certificates(pem))
    except CertificateUnreadableError:
        return False


def _holds_private_part(text: str | None) -> bool:
    """As it was typed, or as JSON with its escapes read."""
    return text is not None and any(
        holds_private_key(each) or PRIVATE_MEMBER.search(each) for each in (text, *_texts(_parsed(text)))
    )


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, and every member's name as `"name":`."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, list):
            left += each
        elif isinstance(each, dict):
            left += each.values()
            yield from (f'"{name}":' for name in each)
