"""How notices leave: by mail to the contact of the client, and as signed JSON to a webhook."""

import base64
import hmac
import json
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.core.validators import validate_email

from runtime.outbound.posting import NotSentError, Place, in_time, post_to, trust
from upkeep.notices.messages import Message

MAX_MAIL = 20.0
"""Seconds, from the look-up of the mail server to its answer."""
ADVICE = "It is tried again."
REFUSED = (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)
"""What a mail server says of one mail; the next one may be accepted."""


class NotThisOneError(NotSentError):
    """The channel works, and does not take this notice."""


@dataclass(frozen=True, slots=True)
class Channel:
    name: str
    takes: Callable[[Message], bool]
    deliver: Callable[[Message, str, datetime], None]
    """The message, the notice's id, which stays the same when it is sent again, and the clock. Raises NotSentError."""


def channels() -> tuple[Channel, ...]:
    """Those that the settings name."""
    found = []
    if server := settings.MAIL_SERVER:
        found.append(Channel(name="mail", takes=_has_address, deliver=partial(_mail, server)))
    if hook := settings.NOTICE_WEBHOOK:
        found.append(Channel(name="webhook", takes=lambda _message: True, deliver=partial(_post, hook)))
    return tuple(found)


def _has_address(message: Message) -> bool:
    try:
        validate_email(message.client.contact)
    except ValidationError:
        return False
    return True


def _mail(server: Any, message: Message, notice_id: str, _now: datetime) -> None:
    mail = EmailMessage(
        # A name may have any character, and a header no line break.
        subject=" ".join(f"[m2m-idp] {message.title}".split()),
        body=message.text,
        from_email=server.sender,
        to=[message.client.contact],
        headers={"Auto-Submitted": "auto-generated", "X-Notice-ID": notice_id},
    )
    try:
        in_time(partial(_send, mail, server), seconds=MAX_MAIL)
    except TimeoutError as error:
        raise NotSentError(f"EMAIL_URL did not answer within {MAX_MAIL:g} seconds. {ADVICE}") from error
    except REFUSED as error:
        raise NotThisOneError(f"The mail server refused it ({_code(error)}). {ADVICE}") from error
    except smtplib.SMTPAuthenticationError as error:
        raise NotSentError(
            f"The mail server refused user and password of EMAIL_URL ({error.smtp_code}). {ADVICE}"
        ) from error
    except (OSError, ValueError) as error:
        # The error's own text may quote what was sent.
        raise NotSentError(f"EMAIL_URL cannot be used ({type(error).__name__}). {ADVICE}") from error


def _send(mail: EmailMessage, server: Any) -> None:
    backend = EmailBackend(
        host=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.scheme == "smtp+starttls",
        use_ssl=server.scheme == "smtps",
        timeout=MAX_MAIL,
    )
    backend.ssl_context = trust()
    backend.send_messages([mail])


def _code(error: smtplib.SMTPException) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return ", ".join(str(code) for code, _ in error.recipients.values())
    return str(error.smtp_code) if isinstance(error, smtplib.SMTPResponseException) else ""


def _post(hook: Any, message: Message, notice_id: str, now: datetime) -> None:
    """As https://www.standardwebhooks.com says: its libraries verify it."""
    sent_at = int(now.timestamp())
    body = json.dumps({"type": message.type, "timestamp": now.isoformat(), "data": dict(message.data)})
    headers = {
        "Content-Type": "application/json",
        "webhook-id": notice_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": signature(f"{notice_id}.{sent_at}.{body}", secret=hook.secret),
    }
    post_to(Place(url=hook.url, setting="NOTICE_WEBHOOK_URL", advice=ADVICE), body, headers=headers)


def signature(signed: str, *, secret: bytes) -> str:
    digest = hmac.digest(secret, signed.encode(), "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"
