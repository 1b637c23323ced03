"""Apache lets requests with a token for its API through, by either of its two modules."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.interop.conftest import Provider
from tests.interop.debian.configuration import configured
from tests.interop.debian.packages import assert_installed, debian
from tests.interop.debian.service import Service, service
from tests.interop.debian.verdicts import VERDICTS, answers, status_after_its_end
from tests.interop.table import Role, Row, interoperates
from tests.interop.tokens import AUDIENCE, tokens_from
from tests.support.cast import Cast
from tests.support.processes import running
from tests.support.server import free_port

pytestmark = pytest.mark.nightly

SEEN = (
    "a token is verified; a changed one, an expired one and one of another audience are refused; "
    "it takes either `typ`"
)
SYSTEMS_CA = "/etc/ssl/certs/ca-certificates.crt"
# In a mount namespace of its own, where the system trusts one authority: mod_oauth2 trusts no file of its own.
TRUSTING = [
    "unshare", "--map-root-user", "--mount", "sh", "-c", f'mount --bind "$0" {SYSTEMS_CA} && exec "$@"'
]  # fmt: skip
# Apache refuses to serve as root.
AS_A_USER = ["unshare", "--map-user=1000", "--map-group=1000"]


@contextmanager
def apache(provider: Provider, directory: Path, module: str, behind: Service) -> Iterator[int]:
    """Its port."""
    port = free_port()
    issuer, ca = provider.issuer, provider.ca
    guard = configured(f"mod_{module}.conf", directory, issuer=issuer, audience=AUDIENCE, ca=ca)
    configuration = configured(
        "apache.conf",
        directory,
        directory=directory,
        module=module,
        guard=guard,
        port=port,
        service=behind.port,
    )
    server = ["/usr/sbin/apache2", "-DFOREGROUND", "-f", str(configuration)]
    with running([*TRUSTING, ca, *AS_A_USER, *server], port, log=directory / "apache.log"):
        yield port


@interoperates(
    Row(
        "Apache, mod_auth_openidc",
        "`libapache2-mod-auth-openidc` of Debian 12",
        debian("libapache2-mod-auth-openidc"),
        Role.VERIFIER,
        told="[mod_auth_openidc.conf](../tests/interop/debian/mod_auth_openidc.conf): `OIDCOAuthVerifyJwksUri`, and "
        "issuer and audience as `Require claim`, since it checks no audience by itself",
        seen=SEEN,
    )
)
@pytest.mark.spec("RFC 6750", "3")
def test_mod_auth_openidc(provider: Provider, cast: Cast, tmp_path: Path) -> None:
    assert_installed("apache2", "libapache2-mod-auth-openidc")
    tokens = tokens_from(provider, cast)
    with service() as behind, apache(provider, tmp_path, "auth_openidc", behind) as port:
        assert answers(port, tokens) == VERDICTS
        assert behind.arrived.get_nowait()["OIDC_CLAIM_client_id"] == "billing"
        assert status_after_its_end(port, provider, cast) == 401


@interoperates(
    Row(
        "Apache, mod_oauth2",
        "`libapache2-mod-oauth2` of Debian 12",
        debian("libapache2-mod-oauth2"),
        Role.VERIFIER,
        told="[mod_oauth2.conf](../tests/interop/debian/mod_oauth2.conf): `OAuth2TokenVerify metadata`, and issuer and "
        "audience as `Require oauth2_claim`. `expiry=1`, since it otherwise lets a token that it has verified "
        "through for 300 seconds more, expired or not. It trusts the system's authorities alone",
        seen=f"discovery; {SEEN}",
    )
)
@pytest.mark.spec("RFC 8414", "3")
def test_mod_oauth2(provider: Provider, cast: Cast, tmp_path: Path) -> None:
    assert_installed("apache2", "libapache2-mod-oauth2")
    tokens = tokens_from(provider, cast)
    with service() as behind, apache(provider, tmp_path, "oauth2", behind) as port:
        assert answers(port, tokens) == VERDICTS
        assert behind.arrived.get_nowait()["OAUTH2_CLAIM_client_id"] == "billing"
        assert status_after_its_end(port, provider, cast) == 401
