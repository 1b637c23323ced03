"""Nothing private is written: not in the database, not in a dump of it, not in the log, not on a terminal."""

import io
import json
import logging
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from jwt.algorithms import get_default_algorithms
from psycopg.sql import SQL, Identifier
from pytest_django import Settings

from issuers.models import SigningAlg
from issuers.versioning.revision import bump
from keys.generation import PrivateKey, generate_private_key
from keys.keyring import KeySnapshot
from keys.lifecycle.revocation import revoke
from keys.lifecycle.rotation import activate_without_waiting, announce_successor
from keys.models import SigningKey
from keys.signing import private_key_of
from relying_parties.models import RelyingParty
from tests.keys.private_parts import Part, found, parts_of
from tests.support.cast import Cast
from tests.support.wire import ask, call

PASSWORD = "a password of the store"


@pytest.fixture
def log(log_lines: io.StringIO) -> Iterator[io.StringIO]:
    """Everything that anyone logs, statements with their parameters included."""
    loggers = [logging.getLogger(name) for name in ("", *logging.root.manager.loggerDict)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    connection.force_debug_cursor = True
    yield log_lines
    connection.force_debug_cursor = False
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def lead_a_life(cast: Cast, settings: Settings, folder: Path) -> None:
    """Make, import, rotate, rewrap and revoke keys; issue tokens of every algorithm, and fail to."""
    for alg in sorted(set(SigningAlg.values) - {"RS256", "PS256"}):
        call_command("create_key", "oidc_m2m", alg)
    call_command("import_key", "oidc_m2m", "PS256", str(in_pkcs12(generate_private_key("PS256"), folder)))
    call_command("import_key", "other", "EdDSA", str(in_pem(generate_private_key("EdDSA"), folder)))
    call_command("create_key", "--record")
    for key in SigningKey.objects.filter(issuer=cast.oidc_m2m).exclude(alg="PS256"):
        successor = announce_successor(key, now=timezone.now())
        assert successor is not None
        activate_without_waiting(successor, now=timezone.now())
    revoke(cast.other_key, now=timezone.now())
    settings.KEY_ENCRYPTION_KEYS = {"new": secrets.token_bytes(32), **settings.KEY_ENCRYPTION_KEYS}
    call_command("rewrap_keys")
    for alg in SigningAlg.values:
        RelyingParty.objects.filter(pk=cast.billing.pk).update(signing_alg=alg)
        assert ask(auth=cast.basic("billing")).status == 200
    fail(cast, settings)


def fail(cast: Cast, settings: Settings) -> None:
    kept, settings.KEY_ENCRYPTION_KEYS = settings.KEY_ENCRYPTION_KEYS, {"new": bytes(32)}
    # A change that names no topic: every key is opened again.
    bump()
    assert ask(auth=cast.basic("billing")).status == 503
    assert call("GET", "/readyz", peer="127.0.0.1").status == 503
    settings.KEY_ENCRYPTION_KEYS = {"newer": bytes(32)}
    with pytest.raises(CommandError):
        call_command("rewrap_keys")
    settings.KEY_ENCRYPTION_KEYS = kept


def in_pkcs12(key: PrivateKey, folder: Path) -> Path:
    path = folder / "store.p12"
    encryption = BestAvailableEncryption(PASSWORD.encode())
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"signing", key, None, None, encryption))
    return path


def in_pem(key: PrivateKey, folder: Path) -> Path:
    path = folder / "key.pem"
    encryption = BestAvailableEncryption(PASSWORD.encode())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return path


def secret_parts() -> list[Part]:
    keys = [(key.kid, private_key_of(KeySnapshot.of(key))) for key in SigningKey.objects.all()]
    parts = [part for kid, key in keys for part in parts_of(key, kid=kid)]
    keks = [Part(f"the key-encryption key {name}", kek) for name, kek in settings.KEY_ENCRYPTION_KEYS.items()]
    return [*parts, *keks, Part("the password", PASSWORD.encode())]


def database_bytes() -> bytes:
    """What lies on the disk, or would lie in a dump."""
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        # Another process reads them: whoever closes such a file gives up the locks of its own connections to it.
        return subprocess.run(["cat", name, f"{name}-wal"], check=True, capture_output=True).stdout
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        copies = [SQL("COPY {} TO STDOUT").format(Identifier(name)) for (name,) in cursor.fetchall()]
        whole = []
        for statement in copies:
            with cursor.copy(statement) as copy:
                whole += [bytes(chunk) for chunk in copy]
    return b"".join(whole)


def dump() -> bytes:
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    return out.getvalue().encode()


def test_nothing_that_makes_a_key_private_is_written_anywhere(
    cast: Cast,
    settings: Settings,
    log: io.StringIO,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("KEY_PASSWORD", PASSWORD)
    lead_a_life(cast, settings, tmp_path)
    parts = secret_parts()
    terminal = capsys.readouterr()
    places = {
        "database": database_bytes(),
        "dumpdata": dump(),
        "log": log.getvalue().encode(),
        "terminal": (terminal.out + terminal.err).encode(),
    }
    assert len(parts) > 30
    assert b"keys_signingkey" in places["log"]
    assert cast.key.kid.encode() in places["database"]
    assert found(parts, places=places) == []


@pytest.mark.parametrize("alg", SigningAlg.values)
def test_whatever_way_it_were_written_it_would_be_found(alg: str) -> None:
    key = generate_private_key(alg)
    parts = parts_of(key, kid="leaked")
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    leaks = {
        "DER": der,
        "hexadecimal": f"\\x{der.hex()}".encode(),
        "PEM": pem,
        "PEM in JSON": json.dumps({"key": pem.decode()}).encode(),
        "JWK": json.dumps(get_default_algorithms()[alg].to_jwk(key, as_dict=True)).encode(),
    }
    for way, leak in leaks.items():
        told = found(parts, places={way: b"before " + leak + b" after"})
        assert {text.removeprefix(f"{way}: ") for text in told} == {part.name for part in parts}, way
