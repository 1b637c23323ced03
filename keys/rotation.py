"""When the key changes: acts that create a successor and set the instants of both keys in one transaction.

A successor is announced for the issuer's announce period before it signs, but for an emergency and for whoever chooses
not to wait. `predecessor` is one-to-one: of many processes that create a successor at once, one does.
"""

import shlex
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from issuers.models import Issuer
from issuers.paths import written_path
from keys.creation import key_of, new_key
from keys.encryption import KeyUnreadableError
from keys.importing import ForeignKey, fitting_algs, known_key
from keys.models import SigningKey
from keys.pkcs11_uri import Pkcs11Uri
from keys.retirement import published_until
from keys.schedule import KeyState


def newest_keys() -> QuerySet[SigningKey]:
    """The keys that sign or will sign and have no successor, of every issuer and algorithm."""
    keys = SigningKey.objects.filter(issuer__isnull=False, successor__isnull=True, revoked_at__isnull=True)
    return keys.select_related("issuer", "predecessor")


def rotates_at(key: SigningKey) -> datetime:
    """When a key has signed for its issuer's rotation period."""
    return key.activates_at + timedelta(seconds=_issuer(key).rotation_period)


def successor_is_due(key: SigningKey, *, now: datetime) -> bool:
    """Whether a successor announced now would not be early."""
    return now >= rotates_at(key) - timedelta(seconds=_issuer(key).announce_period)


def is_overdue(key: SigningKey, *, now: datetime) -> bool:
    """A key without a successor that has signed for longer than its rotation period. It goes on."""
    return now >= rotates_at(key)


def overdue_keys(now: datetime) -> list[SigningKey]:
    return [key for key in newest_keys() if is_overdue(key, now=now)]


def earliest_activation(issuer: Issuer, now: datetime) -> datetime:
    """By then a key published now is in every copy of the JWKS."""
    announced = now + timedelta(seconds=issuer.announce_period)
    return max(announced, issuer.old_copies_until) if issuer.old_copies_until else announced


def announce_successor(key: SigningKey, *, now: datetime, on_schedule: bool = False) -> SigningKey | None:
    """Publish a successor that signs after the announce period, on schedule not before the rotation period is over.

    It lives where the key lives. None if another process was first. Raises KeyUnreadableError if a token makes none.
    """
    activates_at = earliest_activation(_issuer(key), now)
    if on_schedule:
        activates_at = max(activates_at, rotates_at(key))
    with _new_successor(key, now=now, activates_at=activates_at) as successor:
        return successor if _store(successor) else None


def activate_without_waiting(key: SigningKey, *, now: datetime) -> None:
    """An announced key signs now: verifiers with an older copy of the JWKS will not know it yet."""
    with transaction.atomic():
        key = _locked(key)
        if key.state(now) != KeyState.ANNOUNCED:
            raise ValidationError(
                f"The key {key.kid} is {key.state(now)}: only an announced key can be activated."
            )
        _activate(key, now)


def revoke(key: SigningKey, *, now: datetime, leave_token: bool = False) -> SigningKey | None:
    """End a key in an emergency: it leaves the JWKS, and its tokens stop to verify.

    In the same transaction a replacement stands: the announced successor signs now, or a new key does; for a key that
    was only announced, another is announced in its place. It lives where the key lived; `leave_token`: encrypted here.
    Returns a key that was made, None if none had to be. Raises KeyUnreadableError if a token makes none.
    """
    try:
        return _revoke(key, now, leave_token=leave_token)
    except KeyUnreadableError as error:
        path, kid = written_path(_issuer(key).path), shlex.quote(key.kid)
        command = f"manage.py revoke_key --leave-token {path} -- {kid}"
        raise KeyUnreadableError(
            f"{error} Nothing was revoked, since no replacement can be made there. To make it here: {command}"
        ) from error


def _revoke(key: SigningKey, now: datetime, *, leave_token: bool) -> SigningKey | None:
    with _replacement(key, now, leave_token=leave_token) as replacement, transaction.atomic():
        key = _locked(key)
        if key.revoked_at is not None:
            raise ValidationError(f"The key {key.kid} is revoked already.")
        state, heir = key.state(now), heir_of(key)
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
        if heir is None and replacement is not None:
            if state == KeyState.ANNOUNCED:
                replacement.activates_at = max(key.activates_at, earliest_activation(_issuer(key), now))
            replacement.predecessor = key
            replacement.save()
            _retire_before(replacement, now)
            return replacement
        if heir is not None and (state, heir.state(now)) == (KeyState.ACTIVE, KeyState.ANNOUNCED):
            _activate(heir, now)
        return None


def heir_of(key: SigningKey) -> SigningKey | None:
    """Who signs after the key: its successor, or the one in whose place it was made if that was revoked."""
    heir = SigningKey.objects.filter(predecessor=key).first()
    while heir is not None and heir.revoked_at is not None:
        heir = SigningKey.objects.filter(predecessor=heir).first()
    return heir


def signs_before(key: SigningKey) -> SigningKey | None:
    """Who signs until the key does: its predecessor, or the one before that if it was revoked."""
    before = key.predecessor
    while before is not None and before.revoked_at is not None:
        before = before.predecessor
    return before


def take_over(foreign: ForeignKey, *, issuer: Issuer, alg: str, kid: str = "", now: datetime) -> SigningKey:
    """Store a key from outside: it signs now if it is the first of its algorithm, else it is the announced successor.

    Raises ValidationError if it does not fit the algorithm, is here already, or a successor is announced already.
    """
    if not kid.isprintable():
        raise ValidationError("The kid holds a character that is not printable: give it as it was published.")
    if alg not in (fitting := fitting_algs(foreign.private_key)):
        raise ValidationError(f"A key of this kind signs with {' or '.join(fitting)}, not with {alg}.")
    if (known := known_key(foreign)) is not None:
        raise ValidationError(f"This key is here already: {known.kid} of {known.issuer or 'the record'}.")
    newest = newest_keys().filter(issuer=issuer, alg=alg).first()
    if newest is not None and newest.state(now) == KeyState.ANNOUNCED:
        raise ValidationError(
            f"The key {newest.kid} is announced already: revoke it, or wait until it signs."
        )
    key = key_of(
        foreign.private_key,
        issuer=issuer,
        alg=alg,
        published_at=now,
        activates_at=now if newest is None else earliest_activation(issuer, now),
        predecessor=newest,
        kid=kid,
        certificate_chain=foreign.chain_pem,
    )
    key.full_clean()
    _store_or_refuse(key)
    return key


def _store(key: SigningKey) -> bool:
    """Save a new key and set its predecessor's end; False if another process stored a key in its place."""
    try:
        with transaction.atomic():
            if key.predecessor is not None:
                # Whoever revokes it at this moment locks it too: one waits for the other.
                key.predecessor = _locked(key.predecessor)
            key.save()
            if key.predecessor is not None:
                _retire(key.predecessor, at=key.activates_at)
    except IntegrityError:
        if not _has_rival(key):
            raise
        return False
    return True


def _store_or_refuse(key: SigningKey) -> None:
    """Raises ValidationError if another key took its place or its kid since it was checked."""
    with suppress(IntegrityError):
        if _store(key):
            return
    raise ValidationError("Another key was made at this moment: look at what is there now.")


def _has_rival(key: SigningKey) -> bool:
    return SigningKey.objects.filter(issuer=key.issuer, alg=key.alg, predecessor=key.predecessor).exists()


def _replacement(
    key: SigningKey, now: datetime, *, leave_token: bool
) -> AbstractContextManager[SigningKey | None]:
    """A key that none has to wait for in the transaction: an RSA key takes long. None if there is a successor."""
    if SigningKey.objects.filter(predecessor=key).exists():
        return nullcontext()
    return _new_successor(key, now=now, activates_at=now, leave_token=leave_token)


def _new_successor(
    key: SigningKey, *, now: datetime, activates_at: datetime, leave_token: bool = False
) -> AbstractContextManager[SigningKey]:
    """Where the key lives, or encrypted here; to be stored in the block."""
    in_token = key.pkcs11_uri and not leave_token
    return new_key(
        issuer=key.issuer,
        alg=key.alg,
        published_at=now,
        activates_at=activates_at,
        predecessor=key,
        token=Pkcs11Uri.parse(key.pkcs11_uri) if in_token else None,
    )


def _locked(key: SigningKey) -> SigningKey:
    """The key as it stands, locked until the transaction ends with all of its issuer and algorithm.

    An act on one key changes others. All are locked in one order and before a row is saved, so that those who act at
    once never wait for each other in a circle.
    """
    line = SigningKey.objects.filter(issuer=key.issuer, alg=key.alg).order_by("pk")
    list(line.select_for_update(of=("self",)).values_list("pk"))
    return SigningKey.objects.select_related("issuer", "predecessor").get(pk=key.pk)


def _activate(key: SigningKey, now: datetime) -> None:
    # A clock that was set back may stand before the publication.
    key.activates_at = max(now, key.published_at)
    key.save(update_fields=["activates_at"])
    _retire_before(key, now)


def _retire_before(key: SigningKey, now: datetime) -> None:
    """Let the key that signs until this one does retire by then."""
    before = signs_before(key)
    if before is not None and before.state(now) in {KeyState.ANNOUNCED, KeyState.ACTIVE}:
        _retire(before, at=key.activates_at)


def _retire(key: SigningKey, *, at: datetime) -> None:
    key.retires_at = max(at, key.activates_at)
    issuer = Issuer.objects.get(pk=_issuer(key).pk)
    key.expires_at = published_until(key, issuer=issuer, retires_at=key.retires_at)
    key.save(update_fields=["retires_at", "expires_at"])


def _issuer(key: SigningKey) -> Issuer:
    if key.issuer is None:
        raise ValidationError("Keys of the record are not rotated by the clock.")
    return key.issuer
