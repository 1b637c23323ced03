"""The signing keys of a file: generated here where the issuer has none of the algorithm, or imported.

A key that the issuer has already is left as it is. A file removes no key.
"""

from django.core.exceptions import ValidationError

from configuration.applying.run import Run
from configuration.plan import ADDED
from configuration.reading.entries import Entry
from issuers.models import Issuer
from issuers.paths import written_path
from keys.importing.adoption import adopt
from keys.importing.key_files import ForeignKey, known_key, read_jwk_file, read_pem, read_pkcs12
from keys.lifecycle.creation import create_first_key, has_key
from keys.models import SigningKey
from keys.schedule import KeyState


def reconcile_key(entry: Entry, *, issuer: Issuer, run: Run) -> None:
    if entry.locations.keys() - entry.values.keys():
        return  # An invalid value was refused already.
    reconcile = _reconcile_imported if entry.kind.further else _reconcile_made
    try:
        reconcile(entry, issuer, run)
    except ValidationError as error:
        run.refuse(error, entry)


def _reconcile_made(entry: Entry, issuer: Issuer, run: Run) -> None:
    alg = entry.values["alg"]
    _refuse_second(issuer, alg, run)
    if has_key(issuer=issuer, alg=alg):
        run.draft.unchanged += 1
        return
    create_first_key(issuer=issuer, alg=alg, now=run.now)
    run.draft.note(ADDED, _subject(issuer, alg))


def _reconcile_imported(entry: Entry, issuer: Issuer, run: Run) -> None:
    read = next(read for source, read in _SOURCES.items() if source in entry.values)
    foreign = read(entry, run)
    known = known_key(foreign)
    if known is not None:
        _keep(known, entry, issuer, run)
        return
    alg = entry.values.get("alg") or _default_alg(foreign, issuer)
    _refuse_second(issuer, alg, run)
    key = adopt(foreign, issuer=issuer, alg=alg, kid=entry.values.get("kid", ""), now=run.now)
    subject = _subject(issuer, alg)
    run.draft.note(ADDED, subject, f"imported as {key.kid}", _beginning(key, run))
    run.draft.warnings += [f"{subject}: {warning}" for warning in foreign.warnings(run.now)]


def _keep(known: SigningKey, entry: Entry, issuer: Issuer, run: Run) -> None:
    """Raises ValidationError where the file says something about the key that is not so."""
    alg, kid = entry.values.get("alg", known.alg), entry.values.get("kid") or known.kid
    if (issuer, alg, kid) != (known.issuer, known.alg, known.kid):
        owner = f"issuer {written_path(known.issuer.path)}" if known.issuer else "the record"
        raise ValidationError(f"This key is here already, as {known.alg} key {known.kid} of {owner}.")
    _refuse_second(issuer, alg, run)
    run.draft.unchanged += 1
    if known.state(run.now) == KeyState.REVOKED:
        run.draft.warnings.append(f"{_subject(issuer, alg)}: {kid} was revoked and does not come back.")


def _from_pkcs12(entry: Entry, run: Run) -> ForeignKey:
    data = _bytes(entry, "pkcs12", run)
    store_password = _text(entry, "store_password_from", run)
    key_password = _text(entry, "key_password_from", run)
    alias = entry.values.get("alias", "")
    try:
        return read_pkcs12(data, store_password=store_password, key_password=key_password, alias=alias)
    except ValidationError as error:
        raise ValidationError({"pkcs12": error.messages}) from error


def _from_pem(entry: Entry, run: Run) -> ForeignKey:
    data, chain = _bytes(entry, "pem", run), _bytes(entry, "certificates", run)
    password = _text(entry, "key_password_from", run)
    try:
        return read_pem(data, password=password, chain=chain)
    except ValidationError as error:
        raise ValidationError({"pem": error.messages}) from error


def _from_jwk(entry: Entry, run: Run) -> ForeignKey:
    try:
        return read_jwk_file(_bytes(entry, "jwk", run), kid=entry.values.get("kid", ""))
    except ValidationError as error:
        raise ValidationError({"jwk": error.messages}) from error


_SOURCES = {"pkcs12": _from_pkcs12, "pem": _from_pem, "jwk": _from_jwk}


def _text(entry: Entry, name: str, run: Run) -> str:
    """The secret to which this key of the entry refers, empty without one. Raises ValidationError."""
    try:
        return entry.values[name].read(run.surroundings_of(entry)) if name in entry.values else ""
    except ValueError as error:
        raise ValidationError({name: str(error)}) from error


def _bytes(entry: Entry, name: str, run: Run) -> bytes:
    """As `_text`."""
    try:
        return entry.values[name].read_bytes(run.surroundings_of(entry)) if name in entry.values else b""
    except ValueError as error:
        raise ValidationError({name: str(error)}) from error


def _default_alg(foreign: ForeignKey, issuer: Issuer) -> str:
    """An RSA key alone fits several algorithms."""
    return issuer.signing_alg if issuer.signing_alg in foreign.algs else foreign.algs[0]


def _refuse_second(issuer: Issuer, alg: str, run: Run) -> None:
    """Refuses two keys of one algorithm in a file: only their order would say which one signs."""
    if (issuer.path, alg) in run.signing_keys:
        raise ValidationError(f"The file has another {alg} key of this issuer: give one at a time.")
    run.signing_keys.add((issuer.path, alg))


def _subject(issuer: Issuer, alg: str) -> str:
    return f"signing key {alg} of {written_path(issuer.path)}"


def _beginning(key: SigningKey, run: Run) -> str:
    signs_now = key.state(run.now) == KeyState.ACTIVE
    return "signs at once" if signs_now else f"announced, signs from {key.activates_at:%Y-%m-%d %H:%M} UTC"
