"""Client secrets: generated here or chosen by a person, stored as one fast keyed digest.

The digest is HMAC-SHA-256 under a pepper (SECRET_PEPPERS) over issuer, client id and secret. A generated secret has 256
random bits, so a slow hash would protect nothing that the pepper does not.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from django.conf import settings
from django.utils.crypto import constant_time_compare

PREFIX = "m2m_"
HINT_LENGTH = 4
DUMMY = "none:"


def generate() -> str:
    """A new secret: the prefix and 43 characters of [A-Za-z0-9_-], 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str, *, issuer_id: int, client_id: str, pepper_id: str | None = None) -> str:
    """`pepper id:hex`. `pepper_id` None is the current pepper, the first of SECRET_PEPPERS."""
    if pepper_id is None:
        pepper_id = next(iter(settings.SECRET_PEPPERS))
    # Length first: no two triples make the same message.
    message = f"{issuer_id}:{len(client_id)}:{client_id}:{secret}".encode()
    keyed = _keyed(settings.SECRET_PEPPERS[pepper_id]).copy()
    keyed.update(message)
    return f"{pepper_id}:{keyed.finalize().hex()}"


@cache
def _keyed(pepper: bytes) -> HMAC:
    """To be copied. By the library that signs: its code is at hand in the processor when a token is asked for."""
    return HMAC(pepper, SHA256())


@dataclass(frozen=True, slots=True)
class SecretSnapshot:
    """A registered secret, as the token path knows it."""

    id: int
    digest: str = field(repr=False)
    chosen: bool
    expires_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        return self.expires_at is None or now < self.expires_at

    @property
    def pepper_id(self) -> str:
        return self.digest.partition(":")[0]

    @property
    def has_pepper(self) -> bool:
        """False if another process, whose SECRET_PEPPERS has more peppers than this one's, made the secret."""
        return self.pepper_id in settings.SECRET_PEPPERS


def matching(
    registered: Iterable[SecretSnapshot],
    *,
    forms: tuple[str, ...],
    issuer_id: int,
    client_id: str,
    now: datetime,
) -> SecretSnapshot | None:
    """The live secret that was presented, None if none was; `forms` as for `presented_of`."""
    presented = presented_of(registered, forms=forms, issuer_id=issuer_id, client_id=client_id)
    return next((secret for secret in presented if secret.is_live(now)), None)


def presented_of(
    registered: Iterable[SecretSnapshot], *, forms: tuple[str, ...], issuer_id: int, client_id: str
) -> list[SecretSnapshot]:
    """Those that were presented, live or not; every secret is compared, also after a match.

    `forms` are the readings of what was sent, the standard one first; the others count for a chosen secret only.
    """
    found = []
    for secret in (secret for secret in registered if secret.has_pepper):
        for form in forms if secret.chosen else forms[:1]:
            digest = digest_of(form, issuer_id=issuer_id, client_id=client_id, pepper_id=secret.pepper_id)
            if constant_time_compare(digest, secret.digest):
                found.append(secret)
    return found


def spend_the_time_of_a_match(*, forms: tuple[str, ...], issuer_id: int, client_id: str) -> None:
    """The same work for a client that is not there."""
    constant_time_compare(digest_of(forms[0], issuer_id=issuer_id, client_id=client_id), DUMMY)
