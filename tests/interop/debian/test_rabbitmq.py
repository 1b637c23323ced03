"""RabbitMQ takes a token as the password of a connection, and its scopes as permissions."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from relying_parties.models import AccessGrant
from tests.interop.conftest import Provider
from tests.interop.debian.configuration import configured
from tests.interop.debian.packages import assert_installed, debian
from tests.interop.debian.verdicts import awaited, short_lived
from tests.interop.table import Role, Row, interoperates
from tests.interop.tokens import token_for, with_another_scope
from tests.support.cast import INVOICES, RABBITMQ, Cast
from tests.support.processes import running
from tests.support.server import free_port

pytestmark = pytest.mark.nightly

SECONDS_TO_START = 300
READ, WRITE = "rabbitmq.read:*/*", "rabbitmq.write:*/*"
LOGIN_REFUSED = "ACCESS_REFUSED - Login was refused"
QUEUE = {"name": "orders", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}


@contextmanager
def rabbitmq(provider: Provider, directory: Path) -> Iterator[int]:
    """Its port for AMQP. All that it and Erlang's port mapper listen on is loopback."""
    epmd, port = free_port(), free_port()
    with (
        running(["epmd", "-address", "127.0.0.1", "-port", str(epmd)], epmd, log=directory / "epmd.log"),
        running(
            ["/usr/lib/rabbitmq/bin/rabbitmq-server"],
            port,
            log=directory / "rabbitmq.log",
            environment=_environment(provider, directory, epmd=epmd, port=port),
            within=SECONDS_TO_START,
        ),
    ):
        yield port


def _environment(provider: Provider, directory: Path, *, epmd: int, port: int) -> dict[str, str]:
    definitions, plugins = directory / "definitions.json", directory / "enabled_plugins"
    definitions.write_text(json.dumps({"vhosts": [{"name": "/"}], "queues": [QUEUE]}))
    plugins.write_text("[rabbitmq_auth_backend_oauth2].\n")
    configuration = configured(
        "rabbitmq.conf",
        directory,
        port=port,
        definitions=definitions,
        audience=RABBITMQ,
        # Erlang/OTP 25 does not find an address in a certificate.
        jwks_url=f"https://localhost:{provider.server.port}/oidc_m2m/jwks",
        ca=provider.ca,
    )
    return {
        "HOME": str(directory),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(epmd),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_CONFIG_FILE": str(configuration),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        "RABBITMQ_LOG_BASE": str(directory),
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_NODENAME": "interop@localhost",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }


@dataclass(frozen=True, slots=True)
class Client:
    """The programs of amqp-tools, with a token as the password."""

    port: int
    token: str

    def publish(self, text: str) -> str:
        """What the broker refused it with: nothing if it took the message."""
        return self._run("amqp-publish", f"--routing-key={QUEUE['name']}", f"--body={text}").stderr

    def get(self) -> str:
        """The next message, or nothing."""
        return self._run("amqp-get", f"--queue={QUEUE['name']}").stdout

    def _run(self, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        broker = [
            "--server=127.0.0.1",
            f"--port={self.port}",
            "--username=billing",
            f"--password={self.token}",
        ]
        return subprocess.run(
            [program, *broker, *words], capture_output=True, text=True, timeout=30, check=False
        )


@interoperates(
    Row(
        "RabbitMQ",
        "`rabbitmq-server` of Debian 12",
        debian("rabbitmq-server"),
        Role.VERIFIER,
        told="[rabbitmq.conf](../tests/interop/debian/rabbitmq.conf): `resource_server_id` is the identifier of the "
        "API, whose scopes begin with it (`rabbitmq.read:*/*`); `jwks_url`, with a name and no address as "
        "the host; `peer_verification` is `verify_none` unless it is set. It does not check `iss`",
        seen="a client of AMQP logs in with a token as its password, writes and reads as the scopes allow; "
        "a changed token, an expired one and one of another audience are refused",
    )
)
@pytest.mark.contract("P4.5")
def test_rabbitmq(provider: Provider, cast: Cast, tmp_path: Path) -> None:
    assert_installed("amqp-tools", "rabbitmq-server")
    AccessGrant.objects.filter(relying_party=cast.billing, resource_server=cast.rabbitmq).update(
        scopes=[READ, WRITE]
    )
    reader = token_for(provider, cast, RABBITMQ, READ)
    writer = token_for(provider, cast, RABBITMQ, f"{READ} {WRITE}")
    refused = ("no token", token_for(provider, cast, INVOICES), with_another_scope(reader, WRITE))
    with rabbitmq(provider, tmp_path) as port:
        assert Client(port, writer).publish("one") == ""
        assert Client(port, reader).get() == "one"
        assert "access to exchange 'amq.default' in vhost '/' refused" in Client(port, reader).publish("two")
        for token in refused:
            assert LOGIN_REFUSED in Client(port, token).publish("three")
        brief = Client(port, short_lived(provider, cast, cast.rabbitmq, WRITE))
        assert brief.publish("four") == ""
        assert LOGIN_REFUSED in awaited(lambda: brief.publish("five"), bool)
