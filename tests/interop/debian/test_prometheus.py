"""Prometheus gets a token of its own, and scrapes a target with it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audit.models import IssuanceEvent
from relying_parties.models import RelyingParty
from tests.interop.conftest import Provider
from tests.interop.debian.configuration import configured
from tests.interop.debian.packages import assert_installed, debian
from tests.interop.debian.service import Service, service
from tests.interop.table import Role, Row, interoperates
from tests.support.cast import YOUR_APPLICATION, Cast, new_grant
from tests.support.processes import running
from tests.support.server import free_port
from tests.support.verifying import verified_twice

pytestmark = pytest.mark.nightly

SECONDS_TO_SCRAPE = 60


@contextmanager
def prometheus(provider: Provider, directory: Path, client_id: str, target: Service) -> Iterator[None]:
    """It reads the secret from a file, and finds a line feed at its end."""
    port = free_port()
    secret_file = directory / "client_secret"
    secret_file.write_text(f"{provider.estate.secrets[client_id]}\n")
    configuration = configured(
        "prometheus.yml",
        directory,
        service=target.port,
        client_id=client_id,
        secret_file=secret_file,
        token_endpoint=provider.token_endpoint,
        audience=YOUR_APPLICATION,
        ca=provider.ca,
    )
    command = [
        shutil.which("prometheus") or "prometheus",
        f"--config.file={configuration}",
        f"--storage.tsdb.path={directory / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(command, port, log=directory / "prometheus.log"):
        yield


@interoperates(
    Row(
        "Prometheus",
        "`prometheus` of Debian 12",
        debian("prometheus"),
        Role.CLIENT,
        told="[prometheus.yml](../tests/interop/debian/prometheus.yml): `oauth2` of a scrape configuration, with the "
        "token endpoint as `token_url`, the API in `endpoint_params` as `resource`, and `tls_config` of "
        "its own for the token endpoint",
        seen="a target is scraped with a token: `client_secret_basic`; `client_secret_post`, which it tries when "
        "`client_secret_basic` was refused, so that the record shows a refusal before the token",
    )
)
@pytest.mark.parametrize(
    ("client_id", "asked"),
    [
        ("basic", [("client_secret_basic", "issued")]),
        ("post", [("client_secret_basic", "refused"), ("client_secret_post", "issued")]),
    ],
)
def test_prometheus(
    provider: Provider, cast: Cast, tmp_path: Path, client_id: str, asked: list[tuple[str, str]]
) -> None:
    assert_installed("prometheus")
    # Beside a default grant, so that only `resource` leads to it.
    relying_party = RelyingParty.objects.get(client_id=client_id)
    new_grant(relying_party, cast.your_application, ["invoices.read"])
    with service() as target, prometheus(provider, tmp_path, client_id, target):
        scheme, _, token = target.arrived.get(timeout=SECONDS_TO_SCRAPE)["Authorization"].partition(" ")
    claims = verified_twice(token, jwks=provider.server.get("/oidc_m2m/jwks").content, alg="RS256")
    assert scheme == "Bearer"
    assert (claims["client_id"], claims["aud"], claims["scope"]) == (
        client_id,
        YOUR_APPLICATION,
        "invoices.read",
    )
    events = IssuanceEvent.objects.filter(client_id=client_id).order_by("pk")
    assert list(events.values_list("auth_method", "outcome")) == asked
