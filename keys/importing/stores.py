"""Key stores: PKCS#12 (RFC 7292). Java's own stores are refused with the command that converts them to PKCS#12."""

import shlex
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from django.core.exceptions import ValidationError

from keys.importing.certificates import Chain, is_issued_by, is_of
from keys.importing.file_kinds import JAVA_MAGIC
from keys.importing.opening import open_pkcs12


def open_store(data: bytes, *, password: str, alias: str) -> tuple[object, Chain]:
    """The store's private key and its certificates, leaf first, if there are any. Raises ValidationError.

    `alias` is compared as Java does, without regard to case; without an alias the store must have a single key.
    """
    store = _decrypted(data, password)
    if store.key is None:
        raise ValidationError("The PKCS#12 file holds no private key.")
    entries = [entry for entry in (store.cert, *store.additional_certs) if entry is not None]
    chain = _chain_of(store.key.public_key(), [entry.certificate for entry in entries])
    own = next((_name(entry) for entry in entries if entry.certificate in chain[:1]), "")
    others = [_name(entry) for entry in entries if entry.certificate not in chain and _name(entry)]
    _require_alias(alias, own=own, others=others)
    return store.key, chain


def refuse_java_store(data: bytes, *, alias: str = "") -> None:
    if data.startswith(JAVA_MAGIC):
        raise ValidationError(
            f"This is a Java key store. Convert it first: {_keytool_line('STORE.jks', 'STORE.p12', alias)}"
        )


def _keytool_line(store: str, new_store: str, alias: str) -> str:
    """The new store has one password, which keytool asks for; it decrypts the key with the old one's."""
    return (
        f"keytool -importkeystore -srckeystore {store} -destkeystore {new_store} -deststoretype PKCS12 "
        f"-srcalias {shlex.quote(alias) if alias else 'ALIAS'}"
    )


def _decrypted(data: bytes, password: str) -> pkcs12.PKCS12KeyAndCertificates:
    if b"-----BEGIN " in data:
        raise ValidationError("This is PEM, not PKCS#12.")
    try:
        return open_pkcs12(data, password=password)
    except ValueError as error:
        raise ValidationError(
            "The PKCS#12 file cannot be opened: its password is wrong, or it is damaged."
        ) from error


def _chain_of(public_key: object, certificates: Sequence[x509.Certificate]) -> Chain:
    """The key's own certificate and those above it; a store may hold others."""
    chain = [certificate for certificate in certificates if is_of(certificate, public_key)][:1]
    while chain:
        above = (other for other in certificates if other not in chain and is_issued_by(chain[-1], other))
        if (issuer := next(above, None)) is None:
            break
        chain.append(issuer)
    return tuple(chain)


def _require_alias(alias: str, *, own: str, others: Sequence[str]) -> None:
    """The first key of a store is the one that is read; `own` is its alias."""
    if not alias and others:
        raise ValidationError(
            f"The PKCS#12 file has several entries ({', '.join([own, *others])}): name the alias of the key."
        )
    if not alias or own.lower() == alias.lower():
        return
    if alias.lower() in map(str.lower, others):
        raise ValidationError(
            f"The key {alias} is not the first of the PKCS#12 file. Take it into a file of its own: "
            f"{_keytool_line('STORE.p12', 'ONE.p12', alias)}"
        )
    raise ValidationError(
        f"The PKCS#12 file has no key of the alias {alias}; its key's alias is {own or 'empty'}."
    )


def _name(entry: pkcs12.PKCS12Certificate) -> str:
    return (entry.friendly_name or b"").decode(errors="replace")
