"""Whether a key can sign now, for frequent questions: each process asks a token at most every few seconds."""

import time

from keys.encryption import KeyUnreadableError
from keys.keyring import KeySnapshot
from keys.signing import check

ASKED_AGAIN_AFTER = 5
"""Seconds for which a token's answer is reused: strangers may ask, and an HSM makes few signatures."""

_answers: dict[tuple[int, str], tuple[float, str | None]] = {}
"""When a key's token was asked, by the monotonic clock, and what was wrong; one for each key that ever signed."""


def signing_problem(key: KeySnapshot) -> str | None:
    """Why the key cannot sign, None if it can."""
    if not key.pkcs11_uri:
        return _problem(key)
    name, now = (key.id, key.pkcs11_uri), time.monotonic()
    asked_at, problem = _answers.get(name, (float("-inf"), None))
    if now - asked_at >= ASKED_AGAIN_AFTER:
        problem = _problem(key)
        _answers[name] = (now, problem)
    return problem


def _problem(key: KeySnapshot) -> str | None:
    try:
        check(key)
    except KeyUnreadableError as error:
        return str(error)
    return None
