"""The program that decrypts one key file: it gets the file and its password by its input, and answers by its output.

It is run apart (keys/opening.py) and knows nothing of this installation: no settings, and none of its modules.
"""

import base64
import json
import sys
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)
from jwt import PyJWK
from jwt.exceptions import PyJWTError

ERRORS: dict[str, type[Exception]] = {
    error.__name__: error for error in (TypeError, UnsupportedAlgorithm, ValueError)
}
"""What cryptography raises for a file that it does not open."""


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def bytes_of(text: str) -> bytes:
    return base64.b64decode(text)


def _answer(kind: str, data: bytes, password: str) -> dict[str, Any]:
    """What the process tells of the file."""
    if kind == "pem":
        return {"key": _written(load_pem_private_key(data, password.encode() or None))}
    if kind == "der":
        return {"key": _written(load_der_private_key(data, password.encode() or None))}
    if kind == "jwk":
        return {"key": _written(_key_of_jwk(data))}
    store = pkcs12.load_pkcs12(data, password.encode())
    entries = (store.cert, *store.additional_certs)
    return {"key": _written(store.key), "certificates": [_entry(entry) for entry in entries]}


def _key_of_jwk(data: bytes) -> Any:
    try:
        return PyJWK(json.loads(data)).key
    except (PyJWTError, TypeError, KeyError, OverflowError) as error:
        raise ValueError("jwk") from error


def _written(private_key: Any) -> str | None:
    if private_key is None:
        return None
    return text_of(private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def _entry(entry: pkcs12.PKCS12Certificate | None) -> dict[str, str | None] | None:
    if entry is None:
        return None
    name = text_of(entry.friendly_name) if entry.friendly_name is not None else None
    return {"der": text_of(entry.certificate.public_bytes(Encoding.DER)), "name": name}


def _main() -> None:
    question = json.load(sys.stdin)
    try:
        told = _answer(question["kind"], bytes_of(question["data"]), question["password"])
    except tuple(ERRORS.values()) as error:
        known = next(name for name, kind in ERRORS.items() if isinstance(error, kind))
        told = {"error": known}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    _main()
