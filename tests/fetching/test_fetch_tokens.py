"""P7.13: the bearer token of a file is sent when a trusted issuer's keys are fetched, and to nobody else."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from pytest_django import Settings

from relying_parties.jwks.remote_keys import KeySource, RemoteKeys, fetch_keys
from runtime.outbound.fetching import FetchError
from tests.fetching.certificates import Authority
from tests.fetching.conftest import HOSTS
from tests.fetching.site import Site, head, sends, serves, site

pytestmark = [pytest.mark.contract("P7.13"), pytest.mark.spec("RFC 6750", "2.1")]

TOKEN = "eyJhbGciOiJSUzI1NiJ9.c2VydmljZS1hY2NvdW50._-~+/sig=="
OTHER = "another.token"
HOST = "127.0.0.1"


@pytest.fixture
def directory(tmp_path: Path, settings: Settings) -> Path:
    """Where the tokens for the site lie."""
    settings.FETCH_TOKEN_DIRECTORY = tmp_path / "tokens"
    own: Path = settings.FETCH_TOKEN_DIRECTORY / HOST
    own.mkdir(parents=True)
    return own


@pytest.fixture
def token(directory: Path) -> Path:
    path = directory / "token"
    path.write_text(f"{TOKEN}\n")
    return path


@pytest.fixture
def issuer(server: Site) -> Site:
    """Serves metadata and keys in one, at every path."""
    return serving(server, jwks_uri=server.url())


def serving(server: Site, *, jwks_uri: str) -> Site:
    server.answer = serves({"issuer": server.url(""), "jwks_uri": jwks_uri, "keys": [{"kid": "a"}]})
    return server


def by_discovery(server: Site, name: str = "token") -> KeySource:
    return KeySource("discovery", server.url(""), name)


def at_uri(server: Site, name: str = "token") -> KeySource:
    return KeySource("uri", server.url(), name)


def sent_to(server: Site) -> list[str | None]:
    """The value of Authorization in each request."""
    lines = [dict(line.split(": ", 1) for line in each.split("\r\n")[1:] if line) for each in server.requests]
    return [each.get("Authorization") for each in lines]


def refusal(source: KeySource) -> str:
    with pytest.raises(FetchError) as caught:
        fetch_keys(source)
    said = str(caught.value)
    assert TOKEN not in said
    return said


def test_the_token_is_sent_to_the_issuer_and_to_its_keys_on_the_same_host(issuer: Site, token: Path) -> None:
    assert fetch_keys(by_discovery(issuer)) == ({"kid": "a"},)
    assert sent_to(issuer) == 2 * [f"Bearer {TOKEN}"]


def test_the_token_is_sent_to_a_jwks_uri_that_was_registered(issuer: Site, token: Path) -> None:
    fetch_keys(at_uri(issuer))
    assert sent_to(issuer) == [f"Bearer {TOKEN}"]


def test_no_token_is_sent_for_an_issuer_that_names_none(issuer: Site, token: Path) -> None:
    fetch_keys(by_discovery(issuer, name=""))
    fetch_keys(at_uri(issuer, name=""))
    assert sent_to(issuer) == 3 * [None]


def test_the_token_is_read_again_at_each_fetch(issuer: Site, token: Path) -> None:
    fetch_keys(at_uri(issuer))
    token.write_text(OTHER)
    fetch_keys(at_uri(issuer))
    assert sent_to(issuer) == [f"Bearer {TOKEN}", f"Bearer {OTHER}"]


def test_a_token_that_a_cluster_renews_by_links_is_read(issuer: Site, directory: Path) -> None:
    """As a projected volume looks: token -> ..data/token, ..data -> ..2030_01_01."""
    for version, text in (("..2030_01_01", TOKEN), ("..2030_01_02", OTHER)):
        (directory / version).mkdir()
        (directory / version / "token").write_text(text)
        (directory / "..new").symlink_to(version)
        (directory / "..new").replace(directory / "..data")
        if not (directory / "token").is_symlink():
            (directory / "token").symlink_to("..data/token")
        fetch_keys(at_uri(issuer))
    assert sent_to(issuer) == [f"Bearer {TOKEN}", f"Bearer {OTHER}"]


def test_another_host_that_discovery_names_gets_its_own_token_or_none(
    server: Site, token: Path, settings: Settings
) -> None:
    """The certificate and the address are the same: only the name is another."""
    serving(server, jwks_uri=server.url(host="localhost"))
    fetch_keys(by_discovery(server))
    assert sent_to(server) == [f"Bearer {TOKEN}", None]
    server.requests.clear()
    (token.parent.parent / "localhost").mkdir()
    (token.parent.parent / "localhost" / "token").write_text(OTHER)
    fetch_keys(by_discovery(server))
    assert sent_to(server) == [f"Bearer {TOKEN}", f"Bearer {OTHER}"]


def test_an_operator_cannot_send_a_token_to_a_host_of_their_own(server: Site, token: Path) -> None:
    source = KeySource("uri", server.url(host="localhost"), "token")
    assert refusal(source) == (
        f"There is no token file {token.parent.parent / 'localhost' / 'token'}: put the token for localhost there."
    )
    assert server.requests == []


def test_no_token_is_sent_to_a_host_whose_certificate_is_not_trusted(
    issuer: Site, token: Path, settings: Settings, tmp_path: Path
) -> None:
    settings.FETCH_CA_FILE = str(Authority.new(tmp_path, "another").bundle)
    assert "is not trusted" in refusal(at_uri(issuer))
    assert issuer.requests == []


def test_no_token_follows_a_redirect(server: Site, token: Path, authority: Authority) -> None:
    with site(authority.issue(*HOSTS)) as elsewhere:
        server.answer = sends(head(302, Location=elsewhere.url(), Content_Length=0))
        assert "redirects are not followed" in refusal(at_uri(server))
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    "name",
    ["../other/token", "/etc/passwd", "a/b", "..", ".", "..data", "a\0b", "a b", "a" * 101, "tokén", "-/x"],
)
def test_a_name_that_leads_elsewhere_is_refused(issuer: Site, token: Path, name: str) -> None:
    (token.parent.parent / "other").mkdir()
    (token.parent.parent / "other" / "token").write_text(TOKEN)
    assert "It must be the name of a file, without a directory" in refusal(at_uri(issuer, name))
    assert issuer.requests == []


def _outside(path: Path) -> None:
    (path.parent.parent.parent / "secret").write_text(TOKEN)
    path.symlink_to("../../secret")


def _of_another_host(path: Path) -> None:
    (path.parent.parent / "other").mkdir()
    (path.parent.parent / "other" / "token").write_text(TOKEN)
    path.symlink_to("../other/token")


def _directory_elsewhere(path: Path) -> None:
    _outside(path.parent / "unused")
    elsewhere = path.parent.parent.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / path.name).write_text(TOKEN)
    (path.parent / "unused").unlink()
    path.parent.rmdir()
    path.parent.symlink_to(elsewhere)


def _unreadable(path: Path) -> None:
    path.symlink_to(path.name)


FAULTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "none": (lambda path: None, "There is no token file"),
    "a link out of the directory": (_outside, "is a link that leads out of"),
    "a link to another host's": (_of_another_host, "is a link that leads out of"),
    "a host's directory that is a link": (_directory_elsewhere, "is a link that leads out of"),
    "a link to itself": (_unreadable, "cannot be read: Too many levels of symbolic links."),
    "a directory": (Path.mkdir, "is not a regular file"),
    "a pipe": (os.mkfifo, "is not a regular file"),
    "a link to a device": (lambda path: path.symlink_to("/dev/zero"), "is a link that leads out of"),
    "too large": (lambda path: path.write_text("a" * 16_385), "has more than 16,384 bytes"),
    "empty": (lambda path: path.write_text("\n"), "does not hold one bearer token"),
    "two lines": (lambda path: path.write_text(f"{TOKEN}\r\nX-Other: {TOKEN}"), "does not hold one bearer token"),
    "a blank": (lambda path: path.write_text(f"Bearer {TOKEN}"), "does not hold one bearer token"),
    "a control character": (lambda path: path.write_bytes(b"a\0b"), "does not hold one bearer token"),
    "bytes that are no text": (lambda path: path.write_bytes(b"\xff\xfe"), "does not hold one bearer token"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_not_one_token_in_a_file_of_the_host_is_not_sent(
    issuer: Site, directory: Path, fault: str
) -> None:
    make, why = FAULTS[fault]
    make(directory / "token")
    assert why in refusal(at_uri(issuer))
    assert why in refusal(by_discovery(issuer))
    assert issuer.requests == []


def test_a_token_of_the_greatest_size_is_sent(issuer: Site, token: Path) -> None:
    token.write_text("a" * 16_383 + "\n")
    fetch_keys(at_uri(issuer))
    assert sent_to(issuer) == [f"Bearer {'a' * 16_383}"]


def test_without_the_setting_nothing_is_sent(issuer: Site, token: Path, settings: Settings) -> None:
    settings.FETCH_TOKEN_DIRECTORY = None
    assert refusal(at_uri(issuer)) == (
        "The trusted issuer names the token file token, and FETCH_TOKEN_DIRECTORY is not set: set it."
    )
    assert issuer.requests == []


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_refused_learns_what_to_do_about_the_token(server: Site, token: Path, status: int) -> None:
    """As a cluster answers."""
    server.answer = serves({"kind": "Status", "code": status}, status)
    assert refusal(at_uri(server, name="")) == (
        f"{server.url()} answered {status}, and no bearer token was sent: name the trusted issuer's token file."
    )
    assert refusal(at_uri(server)) == (
        f"{server.url()} answered {status} to the bearer token of its token file: replace the token, or let whoever "
        "it is for read the URL."
    )


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def test_the_token_is_in_no_line_of_the_log(server: Site, token: Path, lines: list[Any]) -> None:
    keys: RemoteKeys[str] = RemoteKeys(lambda jwks: tuple(jwk["kid"] for jwk in jwks))
    server.answer = serves({}, 403)
    with pytest.raises(FetchError):
        keys.keys_of(at_uri(server))
    assert sent_to(server) == [f"Bearer {TOKEN}"]
    assert [line["event"] for line in lines] == ["keys_not_fetched"]
    assert TOKEN not in repr(lines)


def test_what_was_fetched_with_a_token_is_not_what_is_known_without_one(issuer: Site, token: Path) -> None:
    keys: RemoteKeys[str] = RemoteKeys(lambda jwks: tuple(jwk["kid"] for jwk in jwks))
    for name in ("token", "", "token", ""):
        assert keys.keys_of(at_uri(issuer, name)) == ("a",)
    assert sent_to(issuer) == [f"Bearer {TOKEN}", None]
