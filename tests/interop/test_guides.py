"""The programs of docs/integrate.md, docs/verify.md and the page that tries a client, run as they stand there."""

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from console.clients.ask_programs import FOLDER
from tests.interop import programs
from tests.interop.node import NODE
from tests.support.cast import INVOICES, Cast
from tests.support.server import Server

DOCS = Path(__file__).parents[2] / "docs"
NODE_MODULES = Path(__file__).parent / "npm" / "node_modules"


def program(page: str, language: str) -> str:
    """The only block of this language that is a whole program."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def run(words: Sequence[str | Path], environment: Mapping[str, str], directory: Path) -> str:
    done = subprocess.run(
        words,
        cwd=directory,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def service(cast: Cast, server: Server) -> dict[str, str]:
    return {
        "TOKEN_URL": server.url + "/oidc_m2m/token",
        "CLIENT_ID": "billing",
        "CLIENT_SECRET": cast.secrets["billing"],
    }


@pytest.fixture
def service_by_post(cast: Cast, server: Server) -> dict[str, str]:
    return {
        "TOKEN_URL": server.url + "/oidc_m2m/token",
        "CLIENT_ID": "reports",
        "CLIENT_SECRET": cast.secrets["reports"],
    }


@pytest.fixture
def api(server: Server) -> dict[str, str]:
    return {"ISSUER": server.url + "/oidc_m2m", "AUDIENCE": INVOICES}


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A directory of a JavaScript program that finds what npm installed."""
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    return tmp_path / "program.mjs"


def claims_by_python(token: str, api: dict[str, str], tmp_path: Path) -> dict[str, object]:
    script = tmp_path / "verify.py"
    script.write_text(program("verify.md", "python"))
    told: dict[str, object] = json.loads(run([sys.executable, script], api | {"TOKEN": token}, tmp_path))
    return told


def by_post(language: str) -> str:
    return (FOLDER / "client_secret_post" / f"{language}.txt").read_text()


def client_id_of(token: str) -> object:
    claims = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["client_id"]


@pytest.mark.parametrize(
    ("language", "name"), [("python", "python"), ("js", "node"), ("go", "go"), ("java", "java")]
)
def test_the_console_shows_the_programs_of_the_guide(language: str, name: str) -> None:
    shown = (FOLDER / "client_secret_basic" / f"{name}.txt").read_text()
    assert shown == program("integrate.md", language)


@pytest.mark.slow
def test_a_token_comes_by_python_with_the_secret_in_the_body(
    service_by_post: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "tokens.py").write_text(by_post("python"))
    assert client_id_of(run([sys.executable, "tokens.py"], service_by_post, tmp_path)) == "reports"


@pytest.mark.slow
def test_a_token_comes_by_javascript_with_the_secret_in_the_body(
    service_by_post: dict[str, str], module: Path, tmp_path: Path
) -> None:
    module.write_text(by_post("node"))
    assert client_id_of(run([NODE, module], service_by_post, tmp_path)) == "reports"


@pytest.mark.slow
def test_a_token_comes_by_curl(service: dict[str, str], api: dict[str, str], tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", (DOCS / "integrate.md").read_text(), re.MULTILINE | re.DOTALL)
    (command,) = (block for block in blocks if block.startswith("curl"))
    answer = json.loads(run(["sh", "-c", command], service, tmp_path))
    assert answer["token_type"] == "Bearer"
    assert claims_by_python(answer["access_token"], api, tmp_path)["client_id"] == "billing"


@pytest.mark.slow
def test_a_token_comes_by_python(service: dict[str, str], api: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "tokens.py").write_text(program("integrate.md", "python"))
    token = run([sys.executable, "tokens.py"], service, tmp_path)
    assert claims_by_python(token, api, tmp_path)["client_id"] == "billing"


@pytest.mark.slow
def test_a_token_is_kept_in_python(service: dict[str, str], tmp_path: Path) -> None:
    more = "first = tokens.get()\nassert tokens.get() == first\ntokens._until = 0\nassert tokens.get() != first\n"
    (tmp_path / "tokens.py").write_text(program("integrate.md", "python") + more)
    run([sys.executable, "tokens.py"], service, tmp_path)


@pytest.mark.slow
def test_a_token_comes_by_javascript(
    service: dict[str, str], api: dict[str, str], module: Path, tmp_path: Path
) -> None:
    module.write_text(program("integrate.md", "js"))
    token = run([NODE, module], service, tmp_path)
    assert claims_by_python(token, api, tmp_path)["client_id"] == "billing"


@pytest.mark.slow
def test_calls_at_once_share_a_request_in_javascript(
    service: dict[str, str], module: Path, tmp_path: Path
) -> None:
    more = (
        "kept = undefined;\n"
        "const all = await Promise.all([token(), token(), token()]);\n"
        "if (new Set([...all, await token()]).size !== 1) throw new Error('several');\n"
    )
    module.write_text(program("integrate.md", "js") + more)
    run([NODE, module], service, tmp_path)


@pytest.mark.slow
def test_a_token_is_verified_by_javascript(
    service: dict[str, str], api: dict[str, str], module: Path, tmp_path: Path
) -> None:
    module.write_text(program("integrate.md", "js"))
    token = run([NODE, module], service, tmp_path)
    module.write_text(program("verify.md", "js"))
    assert json.loads(run([NODE, module], api | {"TOKEN": token}, tmp_path))["client_id"] == "billing"


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [{"AUDIENCE": "https://another.example"}, {"TOKEN": "changed"}])
@pytest.mark.parametrize("language", ["python", "js"])
def test_a_token_that_is_not_good_is_refused(
    wrong: dict[str, str],
    language: str,
    service: dict[str, str],
    api: dict[str, str],
    module: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "tokens.py").write_text(program("integrate.md", "python"))
    token = run([sys.executable, "tokens.py"], service, tmp_path)
    head, claims, signature = token.split(".")
    changed = {"changed": f"{head}.{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"}
    given = api | {"TOKEN": token} | {name: changed.get(text, text) for name, text in wrong.items()}
    module.write_text(program("verify.md", language))
    words: list[str | Path] = [NODE, module] if language == "js" else [sys.executable, module]
    with pytest.raises(AssertionError, match=r"aud|[Ss]ignature"):
        run(words, given, tmp_path)


@pytest.mark.nightly
def test_a_token_comes_by_go(service: dict[str, str], api: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text(program("integrate.md", "go"))
    programs.compiled("go", "build", "-o", tmp_path / "guide", tmp_path / "main.go", directory="go")
    token = run([tmp_path / "guide"], service, tmp_path)
    assert claims_by_python(token, api, tmp_path)["client_id"] == "billing"


@pytest.mark.nightly
def test_a_token_comes_by_java(service: dict[str, str], api: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "Token.java").write_text(program("integrate.md", "java"))
    answer = json.loads(run(["java", "Token.java"], service, tmp_path))
    assert claims_by_python(answer["access_token"], api, tmp_path)["client_id"] == "billing"


@pytest.mark.nightly
def test_a_token_comes_by_go_with_the_secret_in_the_body(
    service_by_post: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "main.go").write_text(by_post("go"))
    programs.compiled("go", "build", "-o", tmp_path / "guide", tmp_path / "main.go", directory="go")
    assert client_id_of(run([tmp_path / "guide"], service_by_post, tmp_path)) == "reports"


@pytest.mark.nightly
def test_a_token_comes_by_java_with_the_secret_in_the_body(
    service_by_post: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "Token.java").write_text(by_post("java"))
    answer = json.loads(run(["java", "Token.java"], service_by_post, tmp_path))
    assert client_id_of(answer["access_token"]) == "reports"
