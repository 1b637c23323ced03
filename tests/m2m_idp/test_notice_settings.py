"""EMAIL_URL and NOTICE_WEBHOOK_URL, as the environment gives them."""

import base64
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from m2m_idp import env
from m2m_idp.env_notices import MailServer, Webhook

SECRET = f"whsec_{base64.b64encode(32 * b'k').decode()}"
FROM = "idp@example.com"


def read(tmp_path: Path, **variables: str) -> Any:
    return env.read({"VAR_DIR": str(tmp_path), **variables})


def refusal(tmp_path: Path, **variables: str) -> str:
    with pytest.raises(ImproperlyConfigured) as caught:
        read(tmp_path, **variables)
    return str(caught.value)


def test_without_them_there_is_none(tmp_path: Path) -> None:
    found = read(tmp_path, EMAIL_FROM="nonsense", NOTICE_WEBHOOK_SECRET="nonsense")
    assert (found.mail_server, found.webhook) == (None, None)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (
            "smtps://idp:p%40ss@mail.example:4650",
            MailServer("mail.example", 4650, "smtps", FROM, "idp", "p@ss"),
        ),
        ("smtps://mail.example", MailServer("mail.example", 465, "smtps", FROM)),
        (
            "smtp+starttls://u:p@mail.example/",
            MailServer("mail.example", 587, "smtp+starttls", FROM, "u", "p"),
        ),
        ("smtp://mail.example", MailServer("mail.example", 25, "smtp", FROM)),
        ("smtp://u:p@127.0.0.1:25", MailServer("127.0.0.1", 25, "smtp", FROM, "u", "p")),
    ],
)
def test_a_mail_server_is_a_url(tmp_path: Path, url: str, found: MailServer) -> None:
    server = read(tmp_path, EMAIL_URL=url, EMAIL_FROM=FROM).mail_server
    assert server == found
    assert "p@ss" not in repr(server)


@pytest.mark.parametrize(
    "url",
    ["nonsense", "https://u:hunter2@h", "smtps://", "smtps://u:hunter2@h:x", "smtps://u:hunter2@h/inbox",
     "smtp://u:hunter2@mail.example:25", "smtps://u:hunter2@h?x=1"],
)  # fmt: skip
def test_another_url_of_a_mail_server_is_refused_without_its_password(tmp_path: Path, url: str) -> None:
    told = refusal(tmp_path, EMAIL_URL=url, EMAIL_FROM=FROM)
    assert told.startswith("EMAIL_URL ")
    assert "hunter2" not in told


@pytest.mark.parametrize("sender", ["", "nobody", "IdP <idp@example.com>"])
def test_a_mail_needs_a_sender(tmp_path: Path, sender: str) -> None:
    told = refusal(tmp_path, EMAIL_URL="smtps://mail.example", EMAIL_FROM=sender)
    assert told.startswith("EMAIL_FROM must be the address that sends the mail")


@pytest.mark.parametrize(
    "url", ["https://hooks.example/x?token=1", "http://127.0.0.1:9/x", "http://localhost/x"]
)
def test_a_webhook_has_a_url_and_a_secret(tmp_path: Path, url: str) -> None:
    hook = read(tmp_path, NOTICE_WEBHOOK_URL=url, NOTICE_WEBHOOK_SECRET=SECRET).webhook
    assert hook == Webhook(url=url, secret=32 * b"k")
    assert repr(hook) == "Webhook()"


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "http://hooks.example/x",
        "ftp://h",
        "https://u:hunter2@h/",
        "https://h/#x",
        "https://h:99999/",
    ],
)
def test_another_url_of_a_webhook_is_refused(tmp_path: Path, url: str) -> None:
    told = refusal(tmp_path, NOTICE_WEBHOOK_URL=url, NOTICE_WEBHOOK_SECRET=SECRET)
    assert told.startswith("NOTICE_WEBHOOK_URL must be")
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "secret", ["", SECRET.removeprefix("whsec_"), "whsec_!", "whsec_" + base64.b64encode(23 * b"k").decode()]
)
def test_a_webhook_without_a_secret_of_its_form_is_refused(tmp_path: Path, secret: str) -> None:
    told = refusal(tmp_path, NOTICE_WEBHOOK_URL="https://h/", NOTICE_WEBHOOK_SECRET=secret)
    assert told.startswith("NOTICE_WEBHOOK_SECRET must be whsec_ and 24 to 64 bytes in base64")
    assert "openssl rand -base64 32" in told


def test_their_secrets_can_lie_in_files(tmp_path: Path) -> None:
    for name, text in (("url", "smtps://u:p@mail.example"), ("secret", SECRET)):
        (tmp_path / name).write_text(f"{text}\n")
    found = read(
        tmp_path,
        EMAIL_URL_FILE=str(tmp_path / "url"),
        EMAIL_FROM=FROM,
        NOTICE_WEBHOOK_URL="https://h/",
        NOTICE_WEBHOOK_SECRET_FILE=str(tmp_path / "secret"),
    )
    assert (found.mail_server.password, found.webhook.secret) == ("p", 32 * b"k")
