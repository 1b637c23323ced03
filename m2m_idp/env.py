"""Everything the environment may say, read once, loud on nonsense."""

import base64
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from issuance.wire.certificate_headers import CERTIFICATE_HEADERS
from m2m_idp.env_notices import MailServer, Webhook, mail_server, webhook
from m2m_idp.env_services import SharedCache, database, shared_cache
from m2m_idp.env_sign_in import SignIn, sign_in
from m2m_idp.env_values import (
    Network,
    Variables,
    address_of,
    bundle_of,
    directory_of,
    file_of,
    is_loopback,
    listed,
    make_directory,
    netloc,
    networks_of,
    one_of,
    switch_of,
    text_of,
    token_directory_of,
    whole_number_of,
)
from runtime.private_file import draft_beside

BASE_DIR = Path(__file__).resolve().parent.parent
MAX_KEY_ID_LENGTH = 32
KEY_BYTES = 32
MIN_SECRET_KEY_LENGTH = 32
"""Characters. Who guesses it forges sessions of the console."""
DRAIN_SECONDS = 10
"""Unless PUBLIC_URL is loopback: what a load balancer takes to see that `/readyz` says `draining`."""
SURFACES = ("all", "protocol", "admin")
KEYED = "printf 'k1:%s\\n' \"$(openssl rand -base64 32)\""
HOW_TO_MAKE = {
    "SECRET_KEY": "openssl rand -base64 48",
    "KEY_ENCRYPTION_KEYS": KEYED,
    "SECRET_PEPPERS": KEYED,
}

HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:]+")


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings of one process. `repr` leaves the secrets out."""

    public_url: str
    is_loopback: bool
    console_url: str
    """The origin at which people open the console: PUBLIC_URL unless it has a host name or port of its own."""
    bind: str
    port: int
    var_dir: Path
    static_root: Path
    debug: bool
    surface: str
    web_concurrency: int
    maintain_every: int
    """Seconds; 0: the server leaves its maintenance to others."""
    drain_seconds: int
    """How long the server goes on after SIGTERM while `/readyz` says `draining`."""
    auth_failures_per_minute: int
    """0: wrong secrets are not counted."""
    refusals_recorded_per_minute: int
    """0: every refusal has its row."""
    allowed_hosts: tuple[str, ...]
    trusted_proxies: tuple[Network, ...]
    client_certificate_header: str
    """The form in which the trusted proxies pass a client's certificate on; empty: none is believed."""
    operations_networks: tuple[Network, ...]
    fetch_allowed_networks: tuple[Network, ...]
    fetch_ca_file: str
    fetch_token_directory: Path | None
    """Where the bearer tokens lie that are sent when keys are fetched: HOST/NAME."""
    checkpoint_file: Path | None
    """Where each statement of a checkpoint is appended to, on another disk or host."""
    checkpoint_url: str
    """Where it is posted to; empty: nowhere."""
    mail_server: MailServer | None
    webhook: Webhook | None
    """Where notices to owners of clients are posted to."""
    database: dict[str, Any]
    shared_cache: SharedCache | None
    sign_in: SignIn
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
    var_dir = directory_of(env, "VAR_DIR", default=BASE_DIR / "var")
    port = whole_number_of(env, "PORT", default=8000, smallest=1, largest=65535)
    public_url = text_of(env, "PUBLIC_URL", default=f"http://127.0.0.1:{port}")
    on_loopback = _checked_origin("PUBLIC_URL", public_url)
    console_url = text_of(env, "CONSOLE_URL", default=public_url)
    _checked_origin("CONSOLE_URL", console_url)
    debug = switch_of(env, "DEBUG")
    if debug and not on_loopback:
        raise ImproperlyConfigured(f"DEBUG shows secrets to strangers: unset it, PUBLIC_URL is {public_url}.")
    own = _generated(var_dir) if on_loopback else {}
    trusted_proxies = networks_of(env, "TRUSTED_PROXIES")
    return Environment(
        public_url=public_url,
        is_loopback=on_loopback,
        console_url=console_url,
        bind=address_of(env, "BIND", default="127.0.0.1"),
        port=port,
        var_dir=var_dir,
        static_root=directory_of(env, "STATIC_ROOT", default=var_dir / "static"),
        debug=debug,
        surface=one_of(env, "IDP_SURFACE", SURFACES),
        web_concurrency=whole_number_of(env, "WEB_CONCURRENCY", default=2, smallest=1, largest=1024),
        maintain_every=whole_number_of(env, "MAINTAIN_EVERY", default=60, smallest=0, largest=86_400),
        drain_seconds=whole_number_of(
            env, "DRAIN_SECONDS", default=0 if on_loopback else DRAIN_SECONDS, smallest=0, largest=600
        ),
        auth_failures_per_minute=whole_number_of(
            env, "AUTH_FAILURES_PER_MINUTE", default=20, smallest=0, largest=1_000_000
        ),
        refusals_recorded_per_minute=whole_number_of(
            env, "REFUSALS_RECORDED_PER_MINUTE", default=120, smallest=0, largest=1_000_000
        ),
        allowed_hosts=listed(env, "ALLOWED_HOSTS"),
        trusted_proxies=trusted_proxies,
        client_certificate_header=_certificate_header(env, trusted_proxies),
        operations_networks=networks_of(env, "OPERATIONS_NETWORKS"),
        fetch_allowed_networks=networks_of(env, "FETCH_ALLOWED_NETWORKS"),
        fetch_ca_file=bundle_of(env, "FETCH_CA_FILE"),
        fetch_token_directory=token_directory_of(env, "FETCH_TOKEN_DIRECTORY"),
        checkpoint_file=file_of(env, "CHECKPOINT_FILE"),
        checkpoint_url=_checkpoint_url(env),
        mail_server=mail_server(env),
        webhook=webhook(env),
        database=database(env, var_dir),
        shared_cache=shared_cache(env),
        sign_in=sign_in(env),
        log_level=one_of(env, "LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR")),
        secret_key=_secret_key(env, own, is_loopback=on_loopback),
        key_encryption_keys=_keys_by_id("KEY_ENCRYPTION_KEYS", _secret(env, "KEY_ENCRYPTION_KEYS", own)),
        secret_peppers=_keys_by_id("SECRET_PEPPERS", _secret(env, "SECRET_PEPPERS", own)),
        pkcs11_module=text_of(env, "PKCS11_MODULE", default=""),
        pkcs11_pin=text_of(env, "PKCS11_PIN", default=""),
    )


def _checked_origin(name: str, url: str) -> bool:
    """Check that the variable is an origin; True if it is loopback."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is not a URL: {error}.") from error
    default_port = {"http": 80, "https": 443}.get(parts.scheme)
    authority = netloc(host, port if port != default_port else None)
    if not (host and HOST.fullmatch(host) and default_port and url == f"{parts.scheme}://{authority}"):
        raise ImproperlyConfigured(
            f"{name} must be an origin such as https://idp.example.com: scheme and lower-case host, "
            f"no path, no trailing slash, no default port. It is {url!r}."
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise ImproperlyConfigured(f"{name} must be https unless it is loopback. It is {url!r}.")
    return is_loopback(host)


def _checkpoint_url(env: Variables) -> str:
    url = text_of(env, "CHECKPOINT_URL", default="")
    if not url:
        return ""
    # The URL may hold a token: no refusal shows it.
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ImproperlyConfigured("CHECKPOINT_URL is not a URL.") from error
    if not (host and parts.scheme in {"http", "https"}) or parts.username is not None or parts.fragment:
        raise ImproperlyConfigured(
            "CHECKPOINT_URL must be a URL such as https://log.example.com/checkpoints, "
            "without user, password and fragment."
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise ImproperlyConfigured("CHECKPOINT_URL must be https unless its host is loopback.")
    return url


def _generated(var_dir: Path) -> dict[str, str]:
    """The secrets that a loopback server made for itself. Made once: of many processes one wins the name."""
    path = var_dir / "generated.env"
    try:
        if not path.exists():
            _generate(path)
        return dict(line.split("=", 1) for line in path.read_text().splitlines())
    except OSError as error:
        raise ImproperlyConfigured(
            f"The generated secrets in {path} cannot be read by user {os.geteuid()} ({error.strerror}): "
            "give the file to that user, or name another VAR_DIR."
        ) from error


def _generate(path: Path) -> None:
    # The database beside it is nobody else's to read either.
    make_directory("VAR_DIR", path.parent)
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


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _secret(env: Variables, name: str, own: Mapping[str, str]) -> str:
    value = text_of(env, name, default=own.get(name, "")).strip()
    if not value:
        raise ImproperlyConfigured(f"{name} (or {name}_FILE) is missing. Make one: {HOW_TO_MAKE[name]}")
    return value


def _secret_key(env: Variables, own: Mapping[str, str], *, is_loopback: bool) -> str:
    value = _secret(env, "SECRET_KEY", own)
    if len(value) < MIN_SECRET_KEY_LENGTH and not is_loopback:
        raise ImproperlyConfigured(
            f"SECRET_KEY has {len(value)} characters, and can be guessed: at least {MIN_SECRET_KEY_LENGTH} are needed. "
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
            or len(key_id) > MAX_KEY_ID_LENGTH
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


def _certificate_header(env: Variables, trusted_proxies: tuple[Network, ...]) -> str:
    form = text_of(env, "CLIENT_CERTIFICATE_HEADER", default="")
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
