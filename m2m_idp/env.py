"""Everything the environment may say, read once, loud on nonsense."""

import base64
import ipaddress
import os
import re
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env
from redis import ConnectionPool, RedisError

from issuance.certificate_headers import CERTIFICATE_HEADERS
from issuers.private_file import draft_beside

BASE_DIR = Path(__file__).resolve().parent.parent
LONGEST_KEY_ID = 32
KEY_BYTES = 32
SHORTEST_SECRET_KEY = 32
"""Characters. Who guesses it forges sessions of the console."""
SURFACES = ("all", "protocol", "admin")
KEYED = "printf 'k1:%s\\n' \"$(openssl rand -base64 32)\""
HOW_TO_MAKE = {
    "SECRET_KEY": "openssl rand -base64 48",
    "KEY_ENCRYPTION_KEYS": KEYED,
    "SECRET_PEPPERS": KEYED,
}

WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
DATABASE_NUMBER = re.compile(r"(/[0-9]{0,9})?")
HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:]+")
IN_EACH_PROCESS = "locmemcache://"
CACHE_SCHEMES = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss"}
"""What the client of Redis calls each of them."""
DATABASE_SCHEMES = ("sqlite:", "postgres:", "postgresql:")

Network = IPv4Network | IPv6Network
Variables = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings of one process. `repr` leaves the secrets out."""

    public_url: str
    is_loopback: bool
    bind: str
    port: int
    var_dir: Path
    static_root: Path
    debug: bool
    surface: str
    web_concurrency: int
    maintain_every: int
    """Seconds; 0: the server leaves its chores to others."""
    auth_failures_per_minute: int
    """0: wrong secrets are not counted."""
    allowed_hosts: tuple[str, ...]
    trusted_proxies: tuple[Network, ...]
    client_certificate_header: str
    """The form in which the trusted proxies pass a client's certificate on; empty: none is believed."""
    operations_networks: tuple[Network, ...]
    fetch_allowed_networks: tuple[Network, ...]
    fetch_ca_file: str
    database: dict[str, Any]
    cache: dict[str, Any]
    log_level: str
    secret_key: str
    key_encryption_keys: dict[str, bytes]
    secret_peppers: dict[str, bytes]
    pkcs11_module: str
    pkcs11_pin: str

    def __repr__(self) -> str:
        return f"<Environment {self.public_url} {self.surface}>"


def read(env: Variables) -> Environment:
    """Read and check the environment. `NAME_FILE` is read in place of a missing `NAME`.

    Raises ImproperlyConfigured, naming the variable and the mend.
    """
    var_dir = _directory(env, "VAR_DIR", default=BASE_DIR / "var")
    port = _whole_number(env, "PORT", default=8000, smallest=1, largest=65535)
    public_url = _text(env, "PUBLIC_URL", default=f"http://127.0.0.1:{port}")
    is_loopback = _checked_origin(public_url)
    debug = _switch(env, "DEBUG")
    if debug and not is_loopback:
        raise ImproperlyConfigured(f"DEBUG shows secrets to strangers: unset it, PUBLIC_URL is {public_url}.")
    own = _generated(var_dir) if is_loopback else {}
    trusted_proxies = _networks(env, "TRUSTED_PROXIES")
    return Environment(
        public_url=public_url,
        is_loopback=is_loopback,
        bind=_address(env, "BIND", default="127.0.0.1"),
        port=port,
        var_dir=var_dir,
        static_root=_directory(env, "STATIC_ROOT", default=var_dir / "static"),
        debug=debug,
        surface=_one_of(env, "IDP_SURFACE", SURFACES),
        web_concurrency=_whole_number(env, "WEB_CONCURRENCY", default=2, smallest=1, largest=1024),
        maintain_every=_whole_number(env, "MAINTAIN_EVERY", default=60, smallest=0, largest=86_400),
        auth_failures_per_minute=_whole_number(
            env, "AUTH_FAILURES_PER_MINUTE", default=20, smallest=0, largest=1_000_000
        ),
        allowed_hosts=_listed(env, "ALLOWED_HOSTS"),
        trusted_proxies=trusted_proxies,
        client_certificate_header=_certificate_header(env, trusted_proxies),
        operations_networks=_networks(env, "OPERATIONS_NETWORKS"),
        fetch_allowed_networks=_networks(env, "FETCH_ALLOWED_NETWORKS"),
        fetch_ca_file=_bundle(env, "FETCH_CA_FILE"),
        database=_database(env, var_dir),
        cache=_cache(env),
        log_level=_one_of(env, "LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR")),
        secret_key=_secret_key(env, own, is_loopback=is_loopback),
        key_encryption_keys=_keys_by_id("KEY_ENCRYPTION_KEYS", _secret(env, "KEY_ENCRYPTION_KEYS", own)),
        secret_peppers=_keys_by_id("SECRET_PEPPERS", _secret(env, "SECRET_PEPPERS", own)),
        pkcs11_module=_text(env, "PKCS11_MODULE", default=""),
        pkcs11_pin=_text(env, "PKCS11_PIN", default=""),
    )


def _checked_origin(url: str) -> bool:
    """Check that PUBLIC_URL is an origin; True if it is loopback."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"PUBLIC_URL is not a URL: {error}.") from error
    default_port = {"http": 80, "https": 443}.get(parts.scheme)
    netloc = _netloc(host, port if port != default_port else None)
    if not (host and HOST.fullmatch(host) and default_port and url == f"{parts.scheme}://{netloc}"):
        raise ImproperlyConfigured(
            f"PUBLIC_URL must be an origin such as https://idp.example.com: scheme and lower-case host, "
            f"no path, no trailing slash, no default port. It is {url!r}."
        )
    is_loopback = host == "localhost" or _is_loopback_address(host)
    if parts.scheme == "http" and not is_loopback:
        raise ImproperlyConfigured(f"PUBLIC_URL must be https unless it is loopback. It is {url!r}.")
    return is_loopback


def _netloc(host: str | None, port: int | None) -> str:
    name = f"[{host}]" if host and ":" in host else f"{host}"
    return name if port is None else f"{name}:{port}"


def _is_loopback_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _generated(var_dir: Path) -> dict[str, str]:
    """The secrets that a loopback server made for itself. Made once: of many processes one wins the name."""
    path = var_dir / "generated.env"
    if not path.exists():
        # The database beside it is nobody else's to read either.
        var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        values = {
            "SECRET_KEY": secrets.token_urlsafe(48),
            "KEY_ENCRYPTION_KEYS": f"local-{secrets.token_hex(3)}:{_new_key()}",
            "SECRET_PEPPERS": f"local-{secrets.token_hex(3)}:{_new_key()}",
        }
        draft = draft_beside(path, values)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _text(env: Variables, name: str, *, default: str) -> str:
    path = env.get(f"{name}_FILE")
    if name in env or not path:
        return env.get(name, default)
    try:
        return Path(path).read_text().strip()
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error}.") from error


def _directory(env: Variables, name: str, *, default: Path) -> Path:
    text = _text(env, name, default=str(default))
    if not text:
        raise ImproperlyConfigured(f"{name} is empty: name a directory, or unset it for {default}.")
    return Path(text).absolute()


def _listed(env: Variables, name: str) -> tuple[str, ...]:
    return tuple(filter(None, (text.strip() for text in _text(env, name, default="").split(","))))


def _secret(env: Variables, name: str, own: Mapping[str, str]) -> str:
    value = _text(env, name, default=own.get(name, "")).strip()
    if not value:
        raise ImproperlyConfigured(f"{name} (or {name}_FILE) is missing. Make one: {HOW_TO_MAKE[name]}")
    return value


def _secret_key(env: Variables, own: Mapping[str, str], *, is_loopback: bool) -> str:
    value = _secret(env, "SECRET_KEY", own)
    if len(value) < SHORTEST_SECRET_KEY and not is_loopback:
        raise ImproperlyConfigured(
            f"SECRET_KEY has {len(value)} characters, and can be guessed: at least {SHORTEST_SECRET_KEY} are needed. "
            f"Make one: {HOW_TO_MAKE['SECRET_KEY']}"
        )
    return value


def _keys_by_id(name: str, text: str) -> dict[str, bytes]:
    """Parse `id:base64,id:base64`: the first is current. Each key has 32 bytes."""
    keys: dict[str, bytes] = {}
    for entry in text.split(","):
        key_id, _, encoded = entry.strip().partition(":")
        try:
            key = base64.b64decode(
                encoded.replace("-", "+").replace("_", "/") + "=" * (-len(encoded) % 4), validate=True
            )
        except ValueError:
            key = b""
        if (
            not key_id
            or not (key_id.isascii() and key_id.replace("-", "").isalnum())
            or len(key_id) > LONGEST_KEY_ID
            or len(key) != KEY_BYTES
        ):
            raise ImproperlyConfigured(
                f"{name}: each entry is id:key, the id of letters, digits and hyphens, "
                f"the key 32 bytes in base64. Make one: {HOW_TO_MAKE[name]}"
            )
        if key_id in keys:
            raise ImproperlyConfigured(f"{name}: the id {key_id!r} stands twice.")
        keys[key_id] = key
    return keys


def _database(env: Variables, var_dir: Path) -> dict[str, Any]:
    url = _text(env, "DATABASE_URL", default=f"sqlite:///{var_dir / 'db.sqlite3'}")
    if not url.startswith(DATABASE_SCHEMES):
        raise ImproperlyConfigured("DATABASE_URL must begin with sqlite: or postgres:.")
    try:
        config: dict[str, Any] = Env.db_url_config(url)
    except ValueError as error:
        # The error's own text may hold a part of the password.
        raise ImproperlyConfigured(
            "DATABASE_URL must be sqlite:///PATH or postgres://USER:PASSWORD@HOST:PORT/NAME, "
            "with special characters of the password percent-encoded."
        ) from error
    options = config.setdefault("OPTIONS", {})
    if config["ENGINE"] == "django.db.backends.sqlite3":
        options |= {
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
            "PRAGMA temp_store=MEMORY;",
        }
    else:
        # A host that vanished without a word is given up after ten seconds, not after minutes.
        unanswered = {
            "connect_timeout": 3,
            "tcp_user_timeout": 10_000,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
        }
        for name, value in unanswered.items():
            options.setdefault(name, value)
    return config | {"CONN_MAX_AGE": None, "ATOMIC_REQUESTS": False}


def _cache(env: Variables) -> dict[str, Any]:
    url = _text(env, "CACHE_URL", default=IN_EACH_PROCESS)
    if url == IN_EACH_PROCESS:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": ""}
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
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": location,
        "OPTIONS": options,
    }


def _is_server(location: str, options: Mapping[str, Any]) -> bool:
    """Whether the client of Redis can read it; nothing is connected to."""
    try:
        ConnectionPool.from_url(location, **options).make_connection()
        parts = urlsplit(location)
        return bool(parts.hostname) and DATABASE_NUMBER.fullmatch(parts.path) is not None
    except (TypeError, ValueError, RedisError):
        return False


def _networks(env: Variables, name: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(text) for text in _listed(env, name))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is a comma-separated list of CIDRs: {error}.") from error


def _bundle(env: Variables, name: str) -> str:
    """The path of a file with the certificates of authorities, empty if there is none."""
    path = _text(env, name, default="")
    if not path:
        return ""
    try:
        authorities = ssl.create_default_context(cafile=path).get_ca_certs()
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(
            f"{name} must be a file of certificates in PEM: {path!r}: {error}."
        ) from error
    if not authorities:
        raise ImproperlyConfigured(f"{name} must hold the certificate of an authority: {path!r} has none.")
    return str(Path(path).absolute())


def _certificate_header(env: Variables, trusted_proxies: tuple[Network, ...]) -> str:
    form = _text(env, "CLIENT_CERTIFICATE_HEADER", default="")
    if form and form not in CERTIFICATE_HEADERS:
        raise ImproperlyConfigured(
            f"CLIENT_CERTIFICATE_HEADER must be empty or one of {', '.join(CERTIFICATE_HEADERS)}. It is {form!r}."
        )
    if form and not trusted_proxies:
        raise ImproperlyConfigured(
            "CLIENT_CERTIFICATE_HEADER is believed from TRUSTED_PROXIES alone, and there are none: "
            "name the proxy's address there, or unset CLIENT_CERTIFICATE_HEADER."
        )
    return form


def _address(env: Variables, name: str, *, default: str) -> str:
    text = _text(env, name, default=default)
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is the IP address to listen on: {error}.") from error
    return _netloc(str(address), None)


def _whole_number(env: Variables, name: str, *, default: int, smallest: int, largest: int) -> int:
    text = _text(env, name, default=str(default))
    if not (WHOLE_NUMBER.fullmatch(text) and smallest <= int(text) <= largest):
        raise ImproperlyConfigured(
            f"{name} must be a whole number from {smallest} to {largest}. It is {text!r}."
        )
    return int(text)


def _switch(env: Variables, name: str) -> bool:
    return _one_of(env, name, ("false", "true")) == "true"


def _one_of(env: Variables, name: str, choices: tuple[str, ...]) -> str:
    """The variable's value, the first choice if it is missing."""
    text = _text(env, name, default=choices[0])
    if text not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}. It is {text!r}.")
    return text
