"""What expires soon is reported by each run, and logged once for each step before it."""

import io
import json
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from issuers.models import Issuer
from relying_parties.models import ClientSecret, RelyingParty
from tests.support.cast import Cast
from tests.support.client_keys import certificate_until, jwk_of, new_key, pem_of
from upkeep.maintenance import maintain
from upkeep.models import ToldEnding

NOW = timezone.now().replace(microsecond=0)
END = NOW + timedelta(days=40)
DAY = timedelta(days=1)
ADVICE = "Rotate it on the client's page or by file: the service is refused from then on."


@pytest.fixture
def secret(cast: Cast) -> ClientSecret:
    ClientSecret.objects.filter(relying_party=cast.billing).update(expires_at=END)
    return ClientSecret.objects.get(relying_party=cast.billing)


def warnings(log_lines: io.StringIO) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    return [line for line in lines if line.get("event.action") == "ends_soon"]


def register(cast: Cast, keys: list[dict[str, Any]]) -> None:
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(token_endpoint_auth_methods=["private_key_jwt"])
    RelyingParty.objects.filter(pk=cast.billing.pk).update(
        token_endpoint_auth_method="private_key_jwt", client_jwks={"keys": keys}
    )


def test_each_step_is_logged_once(secret: ClientSecret, log_lines: io.StringIO) -> None:
    for half_days in range(80):
        maintain(NOW + half_days * DAY / 2)

    assert [line["m2m_idp.within_days"] for line in warnings(log_lines)] == [30, 14, 7, 1]


def test_a_line_says_what_ends_and_what_to_do(secret: ClientSecret, log_lines: io.StringIO) -> None:
    maintain(END - 5 * DAY)

    (line,) = warnings(log_lines)
    del line["@timestamp"]
    assert line == {
        "ecs.version": "8.17.0",
        "log.level": "warning",
        "log.logger": "upkeep",
        "message": f"ends_soon: {ADVICE}",
        "event.action": "ends_soon",
        "m2m_idp.kind": "client secret",
        "m2m_idp.what": "first of billing",
        "m2m_idp.issuer": "M2M",
        "m2m_idp.ends_at": END.isoformat(),
        "m2m_idp.within_days": 7,
        "m2m_idp.is_replaced": False,
        "m2m_idp.advice": ADVICE,
    }


def test_of_two_keys_that_end_at_once_each_is_logged_once(cast: Cast, log_lines: io.StringIO) -> None:
    keys = [jwk_of(new_key(), kid=kid, exp=int(END.timestamp())) for kid in ("first", "second")]
    register(cast, keys)

    for _ in range(2):
        maintain(END - DAY)

    assert {line["m2m_idp.what"] for line in warnings(log_lines)} == {"first of billing", "second of billing"}
    assert len(warnings(log_lines)) == 2


def test_a_key_under_two_names_is_logged_once(cast: Cast, log_lines: io.StringIO) -> None:
    key = new_key()
    keys = [jwk_of(key, kid=kid, exp=int(END.timestamp())) for kid in ("first", "second")]
    register(cast, keys)

    reports = [maintain(END - DAY) for _ in range(2)]

    assert [line["m2m_idp.what"] for line in warnings(log_lines)] == ["first of billing"]
    assert [[ending.name for ending in report.endings] for report in reports] == [
        ["first of billing", "second of billing"]
    ] * 2


def test_an_authority_that_stands_twice_is_logged_once(cast: Cast, log_lines: io.StringIO) -> None:
    authority = certificate_until(new_key(), END, name="Client CA", is_authority=True)
    Issuer.objects.filter(pk=cast.oidc_m2m.pk).update(
        client_ca_certificates=pem_of(authority, authority), token_endpoint_auth_methods=["tls_client_auth"]
    )

    for _ in range(2):
        maintain(END - DAY)

    assert [line["m2m_idp.what"] for line in warnings(log_lines)] == ["CN=Client CA"]


def test_an_end_that_moves_is_logged_again(secret: ClientSecret, log_lines: io.StringIO) -> None:
    maintain(END - 5 * DAY)
    ClientSecret.objects.filter(pk=secret.pk).update(expires_at=END - DAY)
    maintain(END - 5 * DAY)

    assert [line["m2m_idp.ends_at"] for line in warnings(log_lines)] == [
        END.isoformat(),
        (END - DAY).isoformat(),
    ]


def test_a_further_ending_repeats_no_other(cast: Cast, secret: ClientSecret, log_lines: io.StringIO) -> None:
    maintain(END - 5 * DAY)
    RelyingParty.objects.filter(pk=cast.reports.pk).update(valid_until=END)
    maintain(END - 5 * DAY)

    assert [line["m2m_idp.what"] for line in warnings(log_lines)] == ["first of billing", "reports"]


def test_of_many_at_once_one_logs_it(secret: ClientSecret, log_lines: io.StringIO) -> None:
    def run() -> None:
        maintain(END - DAY)
        connection.close()

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(warnings(log_lines)) == 1


def test_what_was_reported_of_an_end_is_forgotten_after_it(cast: Cast, secret: ClientSecret) -> None:
    maintain(END - DAY)
    ClientSecret.objects.filter(relying_party=cast.reports).update(expires_at=END + 10 * DAY)

    maintain(END)

    assert [row.ends_at for row in ToldEnding.objects.all()] == [END + 10 * DAY]


def test_every_run_reports_it(secret: ClientSecret) -> None:
    first, second = maintain(END - DAY), maintain(END - DAY)

    assert [ending.id for ending in first.endings] == [secret.pk]
    assert second.endings == first.endings


def test_the_command_reports_it_in_lines_and_as_json(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    end = (timezone.now() + 3 * DAY).replace(microsecond=0)
    ClientSecret.objects.filter(relying_party=cast.billing).update(expires_at=end)
    secret = ClientSecret.objects.get(relying_party=cast.billing)

    call_command("maintain")
    call_command("maintain", "--json")

    *lines, report = capsys.readouterr().out.splitlines()
    assert lines[-1] == (
        f"client secret first of billing at M2M ends within 7 days, at {end:%Y-%m-%d %H:%M} UTC. "
        "Rotate it on the client's page or by file: the service is refused from then on."
    )
    assert json.loads(report)["endings"] == [
        {
            "kind": "client secret",
            "id": secret.pk,
            "name": "first of billing",
            "issuer": "M2M",
            "page_id": cast.billing.pk,
            "at": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "days": 7,
            "is_replaced": False,
            "thumbprint": "",
        }
    ]
