"""manage.py apply -f A -f B: several files as one, whatever their order."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from issuers.models import Issuer
from relying_parties.models import RelyingParty
from tests.support.cast import Cast

ISSUERS = """
name: estate
issuers: [{path: shop, name: Shop}]
resource_servers: [{issuer: shop, identifier: orders, scopes: [read]}]
"""
CLIENTS = """
relying_parties:
  - issuer: shop
    client_id: till
    client_name: Till
    secrets: [{label: first, secret_from: {file: till.secret}}]
    grants: [{resource_server: orders, scopes: [read], default: true}]
"""


@pytest.fixture
def issuers(cast: Cast, tmp_path: Path) -> Path:
    return written(tmp_path / "issuers.yaml", ISSUERS)


@pytest.fixture
def clients(cast: Cast, tmp_path: Path) -> Path:
    """In a folder of its own, with the file of a secret beside it."""
    folder = tmp_path / "clients"
    folder.mkdir()
    (folder / "till.secret").write_text("correct horse battery staple")
    return written(folder / "clients.yaml", CLIENTS)


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    with pytest.raises(SystemExit) as ended:
        call_command("apply", *arguments)
    assert ended.value.code == 1
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("clients_first", ["", "clients first"])
def test_files_that_need_each_other_are_applied_in_any_order(
    issuers: Path, clients: Path, capsys: pytest.CaptureFixture[str], clients_first: str
) -> None:
    files = [str(clients), str(issuers)] if clients_first else [str(issuers), str(clients)]
    call_command("apply", "-f", files[0], "-f", files[1])
    till = RelyingParty.objects.get(client_id="till")
    assert (till.issuer.path, till.secrets.count(), till.grants.count()) == ("shop", 1, 1)
    capsys.readouterr()
    call_command("apply", "-f", *reversed(files))
    assert capsys.readouterr().out.endswith("= 5 unchanged\nno changes\n")


def test_one_that_cannot_be_applied_keeps_all_from_it_and_is_named(
    issuers: Path, clients: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = written(tmp_path / "broken.yaml", "issuers:\n  - {path: stall, name: Stall, activ: true}\n")
    lines = refused(capsys, "-f", str(issuers), str(clients), str(broken))
    assert lines == [f'{broken}:2:32: Unknown key "activ". Did you mean is_active?']
    assert not Issuer.objects.filter(path="shop").exists()


def test_what_is_not_yaml_is_named_too(
    issuers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = written(tmp_path / "broken.yaml", "issuers: [")
    (line,) = refused(capsys, "-f", str(issuers), "-f", str(broken))
    assert line.startswith(f"{broken}:1:")
    assert "Not YAML" in line


def test_an_object_in_two_files_is_refused_with_both_places(
    issuers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = written(tmp_path / "other.yaml", "issuers: [{path: shop, name: Another}]\n")
    (line,) = refused(capsys, "-f", str(issuers), "-f", str(other))
    assert line == f"{other}:1:11: This issuer stands in {issuers}:3 too: keep one of them."


def test_a_file_that_is_given_twice_is_refused(issuers: Path) -> None:
    with pytest.raises(CommandError, match="is given twice"):
        call_command("apply", "-f", str(issuers), "-f", str(issuers))
