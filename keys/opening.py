"""Decrypting a key file from outside in a process of its own, which is ended when it takes too long.

The file itself tells how much work its password or its key asks for, and one that asks for hours would hold every
thread of this process meanwhile: OpenSSL is not interrupted. The process is this module run as a program: it gets the
file and the password by its input, gives back the key by its output, and knows nothing else of this installation.
"""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)

LONGEST = 10
"""Seconds. The greatest work that real tools ask for takes one."""
TOO_LONG = (
    f"Opening the file takes more than {LONGEST} seconds: its password was made to cost too much, or its RSA key is "
    f"too long. Write it anew with the defaults of openssl or keytool."
)
ERRORS: dict[str, type[Exception]] = {
    error.__name__: error for error in (TypeError, UnsupportedAlgorithm, ValueError)
}


class OpeningTakesTooLongError(Exception):
    """The file asks for more work than a key file needs."""


def open_pem(data: bytes, *, password: str) -> object:
    """The private key; otherwise raises what `load_pem_private_key` raises, or OpeningTakesTooLongError."""
    return _private_key(_opened("pem", data, password))


def open_pkcs12(data: bytes, *, password: str) -> pkcs12.PKCS12KeyAndCertificates:
    """The store; otherwise raises what `load_pkcs12` raises, or OpeningTakesTooLongError."""
    told = _opened("pkcs12", data, password)
    first, *others = (_certificate(entry) for entry in told["certificates"])
    return pkcs12.PKCS12KeyAndCertificates(cast(Any, _private_key(told)), first, cast(Any, others))


def _opened(kind: str, data: bytes, password: str) -> dict[str, Any]:
    question = json.dumps({"kind": kind, "data": _text(data), "password": password})
    try:
        # -I: nothing of the surroundings is read, and this folder is on no path.
        run = subprocess.run(  # noqa: S603 - this program itself; what is not trusted comes by its input
            [sys.executable, "-I", str(Path(__file__))],
            input=question.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=LONGEST, check=False, env={},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        # The error at hand would hold the password.
        raise OpeningTakesTooLongError from None
    told: dict[str, Any] = json.loads(run.stdout or '{"error": "ValueError"}')
    if "error" in told:
        raise ERRORS[told["error"]](told["error"])
    return told


def _private_key(told: dict[str, Any]) -> object:
    if told["key"] is None:
        return None
    # The process that opened it has validated it.
    return load_der_private_key(_bytes(told["key"]), password=None, unsafe_skip_rsa_key_validation=True)


def _certificate(entry: dict[str, str] | None) -> pkcs12.PKCS12Certificate | None:
    if entry is None:
        return None
    name = _bytes(entry["name"]) if entry["name"] is not None else None
    return pkcs12.PKCS12Certificate(x509.load_der_x509_certificate(_bytes(entry["der"])), name)


def _answer(kind: str, data: bytes, password: str) -> dict[str, Any]:
    """What the process tells of the file."""
    if kind == "pem":
        return {"key": _written(load_pem_private_key(data, password.encode() or None))}
    store = pkcs12.load_pkcs12(data, password.encode())
    entries = (store.cert, *store.additional_certs)
    return {"key": _written(store.key), "certificates": [_entry(entry) for entry in entries]}


def _written(private_key: Any) -> str | None:
    if private_key is None:
        return None
    return _text(private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def _entry(entry: pkcs12.PKCS12Certificate | None) -> dict[str, str | None] | None:
    if entry is None:
        return None
    name = _text(entry.friendly_name) if entry.friendly_name is not None else None
    return {"der": _text(entry.certificate.public_bytes(Encoding.DER)), "name": name}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)


def _main() -> None:
    question = json.load(sys.stdin)
    try:
        told = _answer(question["kind"], _bytes(question["data"]), question["password"])
    except tuple(ERRORS.values()) as error:
        known = next(name for name, kind in ERRORS.items() if isinstance(error, kind))
        told = {"error": known}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    _main()
