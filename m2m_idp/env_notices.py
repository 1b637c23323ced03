"""Where notices to the owners of clients go: a mail server and a webhook, as the environment names them."""

import base64
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

from m2m_idp.env_values import Variables, is_loopback, text_of

PORTS = {"smtps": 465, "smtp+starttls": 587, "smtp": 25}
SECRET_PREFIX = "whsec_"  # noqa: S105 - of https://www.standardwebhooks.com
SECRET_BYTES = range(24, 65)
HOW_TO_MAKE_A_SECRET = "printf 'whsec_%s\\n' \"$(openssl rand -base64 32)\""  # noqa: S105 - a command
MAIL_FORM = (
    "EMAIL_URL must be such as smtps://USER:PASSWORD@HOST:465, smtp+starttls://USER:PASSWORD@HOST:587 or "
    "smtp://HOST:25, with special characters of user and password percent-encoded."
)


@dataclass(frozen=True, slots=True)
class MailServer:
    host: str
    port: int
    scheme: str
    """smtps: TLS from the first byte; smtp+starttls: from before the password; smtp: none."""
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Webhook:
    url: str = field(repr=False)
    """It may hold a token."""
    secret: bytes = field(repr=False)


def mail_server(env: Variables) -> MailServer | None:
    url, sender = text_of(env, "EMAIL_URL", default=""), text_of(env, "EMAIL_FROM", default="")
    if not url:
        return None
    try:
        validate_email(sender)
    except ValidationError as error:
        raise ImproperlyConfigured(
            f"EMAIL_FROM must be the address that sends the mail: {sender!r}."
        ) from error
    # No refusal shows the URL: it holds a password.
    parts, port = _parts(url, MAIL_FORM)
    if (
        parts.scheme not in PORTS
        or not parts.hostname
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
    ):
        raise ImproperlyConfigured(MAIL_FORM)
    if parts.scheme == "smtp" and parts.password and not is_loopback(parts.hostname):
        raise ImproperlyConfigured("EMAIL_URL would send its password in clear: use smtps or smtp+starttls.")
    return MailServer(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        scheme=parts.scheme,
        sender=sender,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def webhook(env: Variables) -> Webhook | None:
    url = text_of(env, "NOTICE_WEBHOOK_URL", default="")
    if not url:
        return None
    form = "NOTICE_WEBHOOK_URL must be a URL such as https://hooks.example.com/m2m-idp, without user and fragment."
    parts, _ = _parts(url, form)
    is_web = parts.scheme in {"http", "https"} and parts.hostname
    if not is_web or parts.username is not None or parts.fragment:
        raise ImproperlyConfigured(form)
    if parts.scheme == "http" and not is_loopback(str(parts.hostname)):
        raise ImproperlyConfigured("NOTICE_WEBHOOK_URL must be https unless its host is loopback.")
    return Webhook(url=url, secret=_webhook_secret(env))


def _webhook_secret(env: Variables) -> bytes:
    text = text_of(env, "NOTICE_WEBHOOK_SECRET", default="").strip()
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not text.startswith(SECRET_PREFIX) or len(secret) not in SECRET_BYTES:
        raise ImproperlyConfigured(
            "NOTICE_WEBHOOK_SECRET must be whsec_ and 24 to 64 bytes in base64, with which each notice is signed. "
            f"Make one: {HOW_TO_MAKE_A_SECRET}"
        )
    return secret


def _parts(url: str, form: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(form) from error
    return parts, port
