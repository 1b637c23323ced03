"""issuance/checks.py: what an operator learns of the settings before the server starts."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.checks import INFO, WARNING
from pytest_django import Settings

from issuance.checks import has_connections, lets_certificates_in, shares_counts
from issuers.models import CERTIFICATE_METHODS, TokenEndpointAuthMethod
from m2m_idp.env_services import SharedCache
from tests.support.assertions import switch_on
from tests.support.cast import Cast
from tests.support.server import database_url, serve


def test_several_processes_without_a_shared_cache_are_reported(settings: Settings) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, web_concurrency=4)
    [notice] = shares_counts()
    assert (notice.id, notice.is_serious()) == ("issuance.I001", False)
    assert "each of 4 worker processes" in notice.msg
    assert "CACHE_URL" in str(notice.hint)


def test_nothing_is_reported_of_one_process(settings: Settings) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, web_concurrency=1)
    assert shares_counts() == []


def test_nothing_is_reported_where_processes_share_a_cache(settings: Settings) -> None:
    cache = SharedCache(location="redis://127.0.0.1:1", options={})
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, web_concurrency=4, shared_cache=cache)
    assert shares_counts() == []


@pytest.mark.slow
def test_the_check_of_a_deployment_tells_it_and_other_commands_do_not() -> None:
    assert "(issuance.I001)" in said("--deploy")
    assert said() == ""


if django_settings.IS_POSTGRESQL:

    def test_more_connections_than_postgresql_takes_are_reported(cast: Cast, settings: Settings) -> None:
        settings.ENVIRONMENT = replace(settings.ENVIRONMENT, web_concurrency=2)
        assert has_connections() == []
        settings.ENVIRONMENT = replace(settings.ENVIRONMENT, web_concurrency=100)
        [notice] = has_connections()
        assert (notice.id, notice.level) == ("issuance.W002", WARNING)
        assert notice.msg == "PostgreSQL takes 97 connections, and the workers of this host may need 2000."
        assert "has up to 20" in str(notice.hint)

else:

    def test_sqlite_takes_any_number_of_connections(settings: Settings) -> None:
        settings.ENVIRONMENT = replace(settings.ENVIRONMENT, web_concurrency=1000)
        assert has_connections() == []


@pytest.mark.slow
def test_the_start_tells_it(cast: Cast, tmp_path: Path) -> None:
    with serve(tmp_path, 2) as server:
        lines = [json.loads(line) for line in server.settled_log().splitlines()]
    assert [line["log.level"] for line in lines if "CACHE_URL" in line.get("message", "")] == ["info"]


ISSUER = "http://127.0.0.1:8000/oidc_m2m"
CA_CERTS = "--certfile=tls.crt --keyfile=tls.key --ca-certs=clients.pem --cert-reqs=1"


@pytest.mark.contract("P8.2")
@pytest.mark.parametrize("method", CERTIFICATE_METHODS)
def test_an_issuer_whose_clients_certificates_do_not_arrive_is_reported(
    cast: Cast, settings: Settings, monkeypatch: pytest.MonkeyPatch, method: TokenEndpointAuthMethod
) -> None:
    assert lets_certificates_in() == []
    switch_on(cast.oidc_m2m, method)
    [notice] = lets_certificates_in()
    assert (notice.id, notice.level) == ("issuance.W001", WARNING)
    assert notice.msg.startswith(f"{ISSUER} has {method} on, but no client certificate reaches")
    assert "CLIENT_CERTIFICATE_HEADER" in str(notice.hint)
    assert "--ca-certs" in str(notice.hint)
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--certfile=tls.crt --keyfile=tls.key")
    assert lets_certificates_in() == [notice]
    settings.CLIENT_CERTIFICATE_HEADER = "nginx"
    assert lets_certificates_in() == []


@pytest.mark.contract("P8.2")
def test_it_reports_which_certificates_gunicorn_lets_in(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUNICORN_CMD_ARGS", CA_CERTS)
    switch_on(cast.oidc_m2m, "tls_client_auth")
    assert lets_certificates_in() == []
    switch_on(cast.oidc_m2m, "self_signed_tls_client_auth")
    [notice] = lets_certificates_in()
    assert (notice.id, notice.level) == ("issuance.I002", INFO)
    assert notice.msg.startswith(f"{ISSUER} has self_signed_tls_client_auth on")


def test_nothing_is_reported_of_issuers_that_are_not_served_here(cast: Cast, settings: Settings) -> None:
    switch_on(cast.oidc_m2m, "tls_client_auth")
    settings.HAS_PROTOCOL = False
    assert lets_certificates_in() == []
    settings.HAS_PROTOCOL = True
    cast.oidc_m2m.is_active = False
    cast.oidc_m2m.save()
    assert lets_certificates_in() == []


@pytest.mark.slow
def test_a_database_without_tables_or_away_has_no_issuers(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/empty.sqlite3", "postgres://u:p@127.0.0.1:1/none"):
        assert "issuance.W" not in said("--deploy", "--fail-level", "ERROR", DATABASE_URL=url)


@pytest.mark.slow
def test_the_start_and_the_check_of_a_deployment_warn(cast: Cast, tmp_path: Path) -> None:
    switch_on(cast.oidc_m2m, "tls_client_auth")
    assert "(issuance.W001)" in said("--deploy", DATABASE_URL=database_url())
    assert "(issuance.W001)" not in said(DATABASE_URL=database_url())
    with serve(tmp_path, 1) as server:
        lines = [json.loads(line) for line in server.settled_log().splitlines()]
    assert [line["log.level"] for line in lines if "tls_client_auth" in line.get("message", "")] == [
        "warning"
    ]


def said(*options: str, **variables: str) -> str:
    """What `manage.py check` prints."""
    command = [sys.executable, "manage.py", "check", *options]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "m2m_idp.settings"} | variables
    return subprocess.run(
        command, cwd=django_settings.BASE_DIR, env=environment, capture_output=True, text=True, check=True
    ).stderr
