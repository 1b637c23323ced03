"""The servers that `make bench-peers` compares: what each does for a token, and how it is started."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import run
from urllib.parse import urlsplit

import psycopg
from database import TOKENS, Database, database
from measures import SERVER_CORE
from server import HERE, Server, environment, idp, manage, serving

PEERS = HERE / "peers"
OIDC_PROVIDER = PEERS / "oidc_provider"
AUTHLIB = PEERS / "authlib_flask"
TOOLKIT = PEERS / "oauth_toolkit"
NODE = str(Path(sys.executable).parent / "node")
GUNICORN = ("-m", "gunicorn", "--no-control-socket", "--bind", "127.0.0.1:{port}")
GTHREAD = ("--preload", "--worker-class", "gthread", "--threads", "8", "--keep-alive", "75")
"""With as many threads as m2m-idp has on PostgreSQL. Without these words gunicorn's worker is `sync`."""
ONE_CORE = {SERVER_CORE}
NO_FILE = Path(os.devnull)


@dataclass(frozen=True, slots=True)
class Peer:
    name: str
    keeps: str
    """Where it keeps its clients."""
    signs: str
    writes: str
    """The row of a token."""
    compares: str
    """How it knows a client's secret again."""
    path: str
    keys: str
    """The path of its JWK Set; empty: its tokens are opaque."""
    rows: str
    """A query that counts what it has written; empty: it writes nothing."""
    database: Database
    start: Callable[[str], AbstractContextManager[Server]]
    """With the client's secret."""


def peers(directory: Path, *, url: str) -> Iterator[Peer]:
    """`url` is that of PostgreSQL; empty where there is none."""
    for each in dict.fromkeys((url, "")):
        yield _idp(directory / ("idp-postgresql" if each else "idp-sqlite"), url=each)
    yield _without_database("node-oidc-provider", partial(_oidc_provider, directory))
    yield _without_database("Authlib, Flask", partial(_authlib, directory))
    for form, compares in (("default", "PBKDF2"), ("lean", "plain text")):
        yield _toolkit(directory / form, form=form, compares=compares, url=url)


def _idp(directory: Path, *, url: str) -> Peer:
    directory.mkdir()
    own = database(directory, url=url)

    @contextmanager
    def start(secret: str) -> Iterator[Server]:
        variables = environment(directory, url=url) | {"BENCH_SECRET": secret}
        manage(variables, "migrate", "--verbosity", "0")
        manage(variables, "apply", "-f", str(HERE / "bench.yaml"))
        with idp(variables, cores=ONE_CORE) as server:
            yield server

    return Peer(
        name="m2m-idp",
        keeps=own.name,
        signs="RS256",
        writes="record",
        compares="HMAC-SHA-256",
        path="/rs256/token",
        keys="/rs256/.well-known/jwks.json",
        rows=TOKENS,
        database=own,
        start=start,
    )


def _without_database(name: str, start: Callable[[str], AbstractContextManager[Server]]) -> Peer:
    return Peer(
        name=name,
        keeps="memory",
        signs="RS256",
        writes="none",
        compares="plain text",
        path="/token",
        keys="/jwks",
        rows="",
        database=Database(url="", file=NO_FILE, postmaster=0),
        start=start,
    )


def _oidc_provider(directory: Path, secret: str) -> AbstractContextManager[Server]:
    variables = os.environ | {"PEER_SECRET": secret, "NODE_ENV": "production"}
    log = directory / "oidc-provider.log"
    # The one in .venv starts another, which a signal to the first does not end.
    node = run([NODE, "-p", "process.execPath"], check=True, capture_output=True, text=True).stdout.strip()
    return serving([node, "server.mjs"], variables, cores=ONE_CORE, log=log, directory=OIDC_PROVIDER)


def _authlib(directory: Path, secret: str) -> AbstractContextManager[Server]:
    command = [".venv/bin/python", *GUNICORN, *GTHREAD, "authlib_peer:application()"]
    variables = os.environ | {"PEER_SECRET": secret}
    return serving(command, variables, cores=ONE_CORE, log=directory / "authlib.log", directory=AUTHLIB)


def _toolkit(directory: Path, *, form: str, compares: str, url: str) -> Peer:
    directory.mkdir()
    own = database(directory, url=_another_database(url, f"toolkit_{form}") if url else "")

    @contextmanager
    def start(secret: str) -> Iterator[Server]:
        variables = _toolkit_variables(own, form=form, secret=secret)
        run([sys.executable, "toolkit_client.py"], cwd=TOOLKIT, env=variables, check=True)
        words = [*(GTHREAD if form == "lean" else ()), "django.core.wsgi:get_wsgi_application()"]
        command, log = [sys.executable, *GUNICORN, *words], directory / "server.log"
        with serving(command, variables, cores=ONE_CORE, log=log, directory=TOOLKIT) as server:
            yield server

    return Peer(
        name=f"django-oauth-toolkit, {form}",
        keeps=own.name,
        signs="no",
        writes="token",
        compares=compares,
        path="/o/token/",
        keys="",
        rows="SELECT count(*) FROM oauth2_provider_accesstoken",
        database=own,
        start=start,
    )


def _toolkit_variables(own: Database, *, form: str, secret: str) -> Mapping[str, str]:
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "toolkit_settings",
        "PEER_DATABASE": own.url or f"sqlite:///{own.file}",
        "PEER_FORM": form,
        "PEER_SECRET": secret,
    }


def _another_database(url: str, name: str) -> str:
    """Made in the cluster of this one."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return urlsplit(url)._replace(path=f"/{name}").geturl()
