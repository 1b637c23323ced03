"""P10.42 to P10.44: notices to owners of clients, by mail and to a webhook, once each."""

import base64
import hashlib
import hmac
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from audit.models import HourlyCount, IssuanceEvent
from issuance.models import Notice
from m2m_idp.env_notices import MailServer, Webhook
from relying_parties.models import ClientSecret, RelyingParty
from relying_parties.secrets.credentials import add_generated_secret
from tests.audit.receiving import Receiver, receiver, says
from tests.console.conftest import member
from tests.support.authority import Authority
from tests.support.cast import Cast
from tests.support.mail_server import MailBox, mail_server
from upkeep.maintenance import Done, maintain
from upkeep.notices.sending import FIRST_PAUSE, MAX_PAUSE

NOW = timezone.now().replace(microsecond=0)
END = NOW + timedelta(days=40)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SECRET = b"a webhook's secret of 32 bytes.."
OWNER = "owner@example.com"

pytestmark = pytest.mark.usefixtures("sealed")


@pytest.fixture
def owned(cast: Cast) -> RelyingParty:
    """A client with an owner, whose secret ends."""
    RelyingParty.objects.filter(pk=cast.billing.pk).update(contact=OWNER)
    ClientSecret.objects.filter(relying_party=cast.billing).update(expires_at=END)
    return cast.billing


@pytest.fixture
def mails(settings: Settings) -> Iterator[MailBox]:
    with mail_server() as box:
        settings.MAIL_SERVER = server_at(box, scheme="smtp")
        yield box


@pytest.fixture
def hook(authority: Authority, settings: Settings) -> Iterator[Receiver]:
    with receiver(authority.tls()) as running:
        settings.NOTICE_WEBHOOK = Webhook(url=running.url, secret=SECRET)
        settings.FETCH_CA_FILE = str(authority.own.certificate)
        yield running


def server_at(box: MailBox, *, scheme: str, user: str = "", password: str = "") -> MailServer:
    return MailServer("127.0.0.1", box.port, scheme, "idp@example.com", user, password)


def sent(done: Done) -> int:
    assert done.failed == ()
    return done.sent_notices


def lines(log_lines: io.StringIO, action: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    return [line for line in found if line.get("event.action") == action]


def refused(cast: Cast, **columns: Any) -> None:
    """A client that got tokens five hours ago, and is refused now."""
    hour = (timezone.now() - 5 * HOUR).replace(minute=0, second=0, microsecond=0)
    HourlyCount.objects.create(
        hour=hour, issuer=cast.oidc_m2m.url, client_id="billing", outcome="issued", requests=1, digest="d"
    )
    IssuanceEvent.objects.create(
        at=timezone.now(), request_id="r", issuer=cast.oidc_m2m.url, client_id="billing", outcome="refused",
        http_status=401, error="invalid_client", detail="What the record alone says.", **columns,
    )  # fmt: skip


@pytest.mark.contract("P10.42")
def test_the_owner_gets_a_mail_30_14_7_and_1_days_before(owned: RelyingParty, mails: MailBox) -> None:
    for half_days in range(80):
        maintain(NOW + half_days * DAY / 2)

    texts = [mail.get_content() for mail in mails.got]
    assert [text.partition("within ")[2].partition(".")[0] for text in texts] == [
        "30 days", "14 days", "7 days", "1 day",
    ]  # fmt: skip
    mail = mails.got[0]
    assert (mail["To"], mail["From"]) == (OWNER, "idp@example.com")
    assert mail["Subject"] == f"[m2m-idp] Client secret first of billing ends {END:%Y-%m-%d %H:%M} UTC"
    assert texts[0].startswith(
        f"The client secret first of the client billing at {owned.issuer.url} ends at {END:%Y-%m-%d %H:%M} UTC"
    )
    assert f"/admin/relying_parties/relyingparty/{owned.pk}/change/" in texts[0]


@pytest.mark.contract("P10.42")
def test_a_secret_with_a_younger_one_and_a_client_that_ends_say_so(
    cast: Cast, owned: RelyingParty, mails: MailBox
) -> None:
    add_generated_secret(relying_party=owned, label="younger")
    RelyingParty.objects.filter(pk=owned.pk).update(valid_until=END)
    assert sent(maintain(END - DAY)) == 2
    by_title = {
        mail["Subject"].partition("] ")[2].partition(" ends")[0]: mail.get_content() for mail in mails.got
    }
    assert "see that the service uses that one by then" in by_title["Client secret first of billing"]
    assert "From then on its requests for tokens are refused." in by_title["Client billing"]


@pytest.mark.contract("P10.42")
@pytest.mark.parametrize("contact", ["", "Team Payments, phone 12"])
def test_without_an_address_there_is_no_mail(owned: RelyingParty, mails: MailBox, contact: str) -> None:
    RelyingParty.objects.filter(pk=owned.pk).update(contact=contact)
    assert sent(maintain(END - DAY)) == 0
    assert mails.got == []


@pytest.mark.contract("P10.42")
def test_without_a_setting_nothing_is_sent_and_nothing_noted(owned: RelyingParty) -> None:
    assert sent(maintain(END - DAY)) == 0
    assert not Notice.objects.exists()


@pytest.mark.contract("P10.42")
def test_a_client_that_begins_to_fail_is_reported_once(
    cast: Cast, owned: RelyingParty, mails: MailBox
) -> None:
    refused(cast)
    assert [sent(maintain(timezone.now())) for _ in range(2)] == [1, 0]
    (mail,) = mails.got
    text = " ".join(mail.get_content().split())
    assert mail["Subject"] == "[m2m-idp] Client billing gets no more tokens"
    assert "In the last hour it got none, and 1 of its requests were refused" in text
    assert "the error invalid_client. None of these requests proved that it came from the client" in text
    assert "What the record alone says" not in text


@pytest.mark.contract("P10.43")
def test_a_notice_is_posted_signed_as_standard_webhooks_says(owned: RelyingParty, hook: Receiver) -> None:
    headers: list[dict[str, str]] = []

    def taken(request: Any) -> None:
        headers.append(dict(request.headers))
        says(204)(request)

    hook.answers.append(taken)
    now = END - 5 * DAY
    assert sent(maintain(now)) == 1
    (body,), (header,) = hook.got, headers
    assert json.loads(body) == {
        "type": "credential.ending",
        "timestamp": now.isoformat(),
        "data": {
            "issuer": owned.issuer.url,
            "client_id": "billing",
            "client_name": "Billing",
            "contact": OWNER,
            "console": f"http://127.0.0.1:8000/admin/relying_parties/relyingparty/{owned.pk}/change/",
            "kind": "client secret",
            "name": "first",
            "ends_at": END.isoformat(),
            "within_days": 7,
            "is_replaced": False,
        },
    }
    signed = f"{header['webhook-id']}.{header['webhook-timestamp']}.{body}"
    digest = hmac.new(SECRET, signed.encode(), hashlib.sha256).digest()
    assert header["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert (header["webhook-timestamp"], header["Content-Type"]) == (
        str(int(now.timestamp())),
        "application/json",
    )


@pytest.mark.contract("P10.43")
def test_a_webhook_hears_of_a_client_that_fails_and_whatever_its_contact(
    cast: Cast, owned: RelyingParty, hook: Receiver
) -> None:
    RelyingParty.objects.filter(pk=owned.pk).update(contact="Team Payments")
    refused(cast, credential="secret:1")
    assert sent(maintain(timezone.now())) == 1
    told = json.loads(hook.got[0])
    assert told["type"] == "client.failing"
    assert (told["data"]["refused"], told["data"]["error"], told["data"]["is_proven"]) == (
        1,
        "invalid_client",
        True,
    )
    assert "What the record alone says" not in hook.got[0]


@pytest.mark.contract("P10.43")
def test_of_a_client_without_a_contact_nothing_is_posted(
    cast: Cast, owned: RelyingParty, hook: Receiver
) -> None:
    RelyingParty.objects.filter(pk=owned.pk).update(contact="")
    refused(cast)
    assert [sent(maintain(now)) for now in (END - DAY, timezone.now())] == [0, 0]
    assert hook.got == []


@pytest.mark.contract("P10.44")
def test_one_that_is_not_taken_is_tried_again_ever_later_under_the_same_id(
    owned: RelyingParty, hook: Receiver, log_lines: io.StringIO
) -> None:
    now, ids = END - 6 * DAY, []

    def fails(request: Any) -> None:
        ids.append(request.headers["webhook-id"])
        says(503)(request)

    hook.answers += [fails] * 3
    pauses = [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    for pause in pauses:
        maintain(now)
        maintain(now + pause - timedelta(seconds=1))  # Too early.
        now += pause
    assert len(hook.got) == 3
    assert len(set(ids)) == 1
    (line, *_) = lines(log_lines, "notice_not_sent")
    assert (line["m2m_idp.channel"], line["message"]) == (
        "webhook",
        "notice_not_sent: NOTICE_WEBHOOK_URL answered 503 instead of 2xx. It is tried again.",
    )
    assert sent(maintain(now)) == 1
    notice = Notice.objects.get()
    assert (notice.attempts, notice.sent_at, notice.failure) == (4, now, "")
    assert "token=secret" not in log_lines.getvalue()


@pytest.mark.contract("P10.44")
def test_the_pause_between_attempts_has_an_end(owned: RelyingParty, hook: Receiver) -> None:
    now = END - 6 * DAY
    maintain(now)
    Notice.objects.update(sent_at=None, attempts=5_000, due_at=now)
    hook.answers.append(says(500))
    maintain(now)
    assert Notice.objects.get().due_at == now + MAX_PAUSE


@pytest.mark.contract("P10.44")
def test_a_sender_that_died_leaves_its_notice_to_the_next_run(owned: RelyingParty, mails: MailBox) -> None:
    now = END - DAY
    mails.is_away = True
    maintain(now)  # As if it had died after its claim: nothing was sent.
    Notice.objects.update(failure="")
    mails.is_away = False
    assert sent(maintain(now + FIRST_PAUSE / 2)) == 0
    assert sent(maintain(now + FIRST_PAUSE)) == 1
    assert len(mails.got) == 1


@pytest.mark.contract("P10.44")
def test_of_many_at_once_one_sends_it(owned: RelyingParty, mails: MailBox) -> None:
    def run() -> None:
        maintain(END - DAY)
        connection.close()

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(mails.got) == 1


@pytest.mark.contract("P10.44")
def test_what_was_overtaken_is_no_longer_sent(owned: RelyingParty, mails: MailBox) -> None:
    mails.is_away = True
    maintain(END - 10 * DAY)
    mails.is_away = False
    assert sent(maintain(END - DAY)) == 1
    assert "within 1 day" in mails.got[0].get_content()


@pytest.mark.contract("P10.44")
def test_an_address_that_nobody_has_holds_up_no_other(
    cast: Cast, owned: RelyingParty, mails: MailBox, log_lines: io.StringIO
) -> None:
    RelyingParty.objects.filter(pk=cast.reports.pk).update(contact="nobody@example.com", valid_until=END)
    mails.refuses.add("nobody@example.com")
    assert maintain(END - DAY).sent_notices == 1
    assert [mail["To"] for mail in mails.got] == [OWNER]
    (line,) = lines(log_lines, "notice_not_sent")
    assert line["message"] == "notice_not_sent: The mail server refused it (550). It is tried again."


@pytest.mark.contract("P10.44")
def test_the_overview_says_what_was_not_sent_until_it_is(
    cast: Cast, owned: RelyingParty, mails: MailBox
) -> None:
    operator: Client = member("olga", "Operators")
    ClientSecret.objects.filter(relying_party=owned).update(expires_at=timezone.now() + DAY)
    mails.is_away = True
    maintain(timezone.now())
    (line,) = operator.get("/admin/").context["overview"].now.shown
    assert (line.subject, line.state) == ("billing", "not sent")
    assert line.fact == (
        "The notice to its owner by mail was not sent. Attempts: 1. EMAIL_URL cannot be used "
        "(SMTPServerDisconnected). It is tried again."
    )
    mails.is_away = False
    Notice.objects.update(due_at=timezone.now())
    maintain(timezone.now())
    assert operator.get("/admin/").context["overview"].now.shown == ()


@pytest.mark.contract("P10.44")
def test_no_secret_is_in_a_notice(
    owned: RelyingParty, mails: MailBox, hook: Receiver, log_lines: io.StringIO
) -> None:
    secret = "m2m_" + "s" * 40
    ClientSecret.objects.filter(relying_party=owned).update(label=f"old {secret}")
    RelyingParty.objects.filter(pk=owned.pk).update(name=f"Billing\r\nBcc: all@example.com {secret}")
    assert sent(maintain(END - DAY)) == 2
    told = mails.got[0].as_string() + hook.got[0] + "".join(map(str, lines(log_lines, "notice_sent")))
    assert secret not in told
    assert "[secret]" in told
    assert mails.got[0]["Bcc"] is None


@pytest.mark.contract("P10.42")
@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_mail_server_over_tls_is_verified_before_it_gets_the_password(
    owned: RelyingParty,
    authority: Authority,
    stranger_authority: Authority,
    settings: Settings,
    *,
    is_trusted: bool,
) -> None:
    trusted = authority if is_trusted else stranger_authority
    settings.FETCH_CA_FILE = str(trusted.own.certificate)
    with mail_server(authority.tls()) as box:
        settings.MAIL_SERVER = server_at(box, scheme="smtps", user="idp", password="pass word")
        done = maintain(END - DAY)
    assert done.sent_notices == len(box.got) == int(is_trusted)
    assert box.logins == [base64.b64encode(b"\0idp\0pass word").decode()] * is_trusted
