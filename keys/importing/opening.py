"""Decrypting a key file from outside in a process of its own, which is ended when it takes too long.

The file itself decides how much work its password or its key needs, and a file that needs hours would block every
thread of this process meanwhile: OpenSSL cannot be interrupted.
"""

import json
import subprocess
import sys
from typing import Any, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key, pkcs12
from django.core.exceptions import ValidationError

from keys.generation import NOT_OFFERED
from keys.importing import opening_process
from keys.importing.opening_process import ERRORS, bytes_of, text_of

MAX_SECONDS = 10
"""Seconds. The most work that real tools ask for takes one."""
TOO_LONG = (
    f"Opening the file takes more than {MAX_SECONDS} seconds: its password was made to cost too much, or its RSA key "
    f"is too long. Write it again with the defaults of openssl or keytool."
)


def open_pem(data: bytes, *, password: str) -> tuple[object, bool]:
    """The private key, and whether it is an RSA key that signs by PSS alone (RFC 4055 section 1.2).

    Raises ValidationError for an unsupported kind of key and when it takes too long, else what `load_pem_private_key`
    raises.
    """
    parts = _opened("pem", data, password)
    return _private_key(parts), parts["is_pss"]


def open_der(data: bytes, *, password: str) -> tuple[object, bool]:
    """As `open_pem`, of DER: PKCS#8, encrypted or not, PKCS#1 or SEC 1."""
    parts = _opened("der", data, password)
    return _private_key(parts), parts["is_pss"]


def open_jwk(data: bytes) -> object:
    """As `open_pem`, of a private JWK. Raises ValueError if it is not one."""
    return _private_key(_opened("jwk", data, ""))


def open_pkcs12(data: bytes, *, password: str) -> pkcs12.PKCS12KeyAndCertificates:
    """The store. Raises as `open_pem` does, ValueError for a wrong password."""
    parts = _opened("pkcs12", data, password)
    first, *others = (_certificate(entry) for entry in parts["certificates"])
    return pkcs12.PKCS12KeyAndCertificates(cast(Any, _private_key(parts)), first, cast(Any, others))


def _opened(kind: str, data: bytes, password: str) -> dict[str, Any]:
    question = json.dumps({"kind": kind, "data": text_of(data), "password": password})
    try:
        # -I: nothing of the environment is read, and this folder is not on the import path.
        run = subprocess.run(  # noqa: S603 - a program of this package; what is not trusted comes by its input
            [sys.executable, "-I", opening_process.__file__],
            input=question.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=MAX_SECONDS, check=False, env={},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        # The error at hand would hold the password.
        raise ValidationError(TOO_LONG) from None
    parts: dict[str, Any] = json.loads(run.stdout or '{"error": "ValueError"}')
    if (name := parts.get("error")) is None:
        return parts
    if ERRORS[name] is UnsupportedAlgorithm:
        raise ValidationError(NOT_OFFERED)
    raise ERRORS[name](name)


def _private_key(parts: dict[str, Any]) -> object:
    if parts["key"] is None:
        return None
    # The process that opened it has validated it.
    return load_der_private_key(bytes_of(parts["key"]), password=None, unsafe_skip_rsa_key_validation=True)


def _certificate(entry: dict[str, str] | None) -> pkcs12.PKCS12Certificate | None:
    if entry is None:
        return None
    name = bytes_of(entry["name"]) if entry["name"] is not None else None
    return pkcs12.PKCS12Certificate(x509.load_der_x509_certificate(bytes_of(entry["der"])), name)
