"""What an operator may do to a key at this moment, and otherwise why not."""

from datetime import datetime

from console.admin_base.instants import written
from keys.lifecycle.succession import successor_of
from keys.models import SigningKey
from keys.schedule import ENDED, KeyState


def why_not_rotated(key: SigningKey, now: datetime) -> str | None:
    """None if a successor can be announced."""
    state = key.state(now)
    if state != KeyState.ACTIVE:
        return f"The key {key.kid} is {state}: only the active key is rotated."
    successor = successor_of(key)
    if successor is None:
        return None
    return (
        f"The key {successor.kid} is announced already: it signs from {written(successor.activates_at)}. "
        f"On its page it can be activated without waiting."
    )


def why_not_activated(key: SigningKey, now: datetime) -> str | None:
    """None if the key can sign before its time."""
    state = key.state(now)
    if state == KeyState.ANNOUNCED:
        return None
    return f"The key {key.kid} is {state}: only an announced key can be activated."


def why_not_in_use(key: SigningKey, now: datetime) -> str | None:
    """None if the key is in the JWKS: then it can be revoked, and its certificate is published."""
    state = key.state(now)
    return f"The key {key.kid} is {state} already: it is no longer in the JWKS." if state in ENDED else None
