"""The database and the cache, as URLs of the environment name them (DATABASE_URL, CACHE_URL)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env
from redis import ConnectionPool, RedisError

from m2m_idp.env_values import Variables, check_writable, make_directory, text_of

DATABASE_NUMBER = re.compile(r"(/[0-9]{0,9})?")
IN_EACH_PROCESS = "locmemcache://"
CACHE_SCHEMES = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss"}
"""What the client of Redis calls each of them."""
MAX_LOG = 64 * 1024 * 1024
"""Bytes to which SQLite cuts its write-ahead log back, once what is in it is in the file."""
DATABASE_SCHEMES = ("sqlite:", "postgres:", "postgresql:")


def database(env: Variables, var_dir: Path) -> dict[str, Any]:
    default = f"sqlite:///{var_dir / 'db.sqlite3'}"
    url = text_of(env, "DATABASE_URL", default=default)
    if not url.startswith(DATABASE_SCHEMES):
        raise ImproperlyConfigured("DATABASE_URL must begin with sqlite: or postgres:.")
    try:
        config: dict[str, Any] = Env.db_url_config(url)
    except ValueError as error:
        # The error's own text may hold a part of the password.
        raise ImproperlyConfigured(
            "DATABASE_URL must be sqlite:///PATH or postgres://USER:PASSWORD@HOST:PORT/NAME, "
            "with special characters of the password percent-encoded, or the password in DATABASE_PASSWORD."
        ) from error
    options = config.setdefault("OPTIONS", {})
    if config["ENGINE"] == "django.db.backends.sqlite3":
        config["ENGINE"] = "m2m_idp.sqlite"
        if url == default:
            make_directory("VAR_DIR", var_dir)
        elif (directory := Path(config["NAME"]).absolute().parent).is_dir():
            # SQLite makes two more files beside its own. A directory that is not there is a database that is away.
            check_writable("DATABASE_URL", directory)
        options |= {
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
            f"PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit={MAX_LOG};",
        }
    else:
        # In a URL some characters have to be percent-encoded; here none.
        config["PASSWORD"] = config["PASSWORD"] or text_of(env, "DATABASE_PASSWORD", default="")
        # A host that vanished without a word is given up after ten seconds, not after minutes.
        unanswered = {
            "connect_timeout": 3,
            "tcp_user_timeout": 10_000,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
        }
        for name, value in unanswered.items():
            options.setdefault(name, value)
        # A pooler in transaction mode gives the connection to others after each transaction, and the cursor with it.
        config["DISABLE_SERVER_SIDE_CURSORS"] = True
    return config | {"CONN_MAX_AGE": None, "ATOMIC_REQUESTS": False}


@dataclass(frozen=True, slots=True)
class SharedCache:
    """A Redis or Valkey, in the words of its client."""

    location: str = field(repr=False)
    """Its URL; it may hold a password."""
    options: dict[str, Any]


def shared_cache(env: Variables) -> SharedCache | None:
    """None: each process counts on its own."""
    url = text_of(env, "CACHE_URL", default=IN_EACH_PROCESS)
    if url == IN_EACH_PROCESS:
        return None
    scheme, separator, rest = url.partition("://")
    location = f"{CACHE_SCHEMES.get(scheme)}{separator}{rest}"
    # A cache that does not answer is done without: no request waits for it longer, or twice.
    options = {"socket_connect_timeout": 0.3, "socket_timeout": 0.3}
    if scheme not in CACHE_SCHEMES or not _is_server(location, options):
        # The URL may hold a password.
        raise ImproperlyConfigured(
            f"CACHE_URL must be {IN_EACH_PROCESS} or such as redis://USER:PASSWORD@HOST:PORT/0 "
            f"({', '.join(CACHE_SCHEMES)}), with special characters of the password percent-encoded."
        )
    return SharedCache(location=location, options=options)


def _is_server(location: str, options: Mapping[str, Any]) -> bool:
    """Whether the client of Redis can read it; nothing is connected to."""
    try:
        ConnectionPool.from_url(location, **options).make_connection()
        parts = urlsplit(location)
        return bool(parts.hostname) and DATABASE_NUMBER.fullmatch(parts.path) is not None
    except (TypeError, ValueError, RedisError):
        return False
