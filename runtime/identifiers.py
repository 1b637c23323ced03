"""Identifiers that begin with the time, so that new rows lie side by side in an index, however many it holds."""

import secrets
import time
from base64 import urlsafe_b64encode

TIME_BYTES = 6
"""Milliseconds since 1970, until the year 10889."""
JTI_BYTES = 18
REQUEST_ID_BYTES = 10


def new_jti() -> str:
    """144 random bits, after the time; 32 characters."""
    return urlsafe_b64encode(_after_the_time(JTI_BYTES)).decode()


def new_request_id() -> str:
    """32 hexadecimal digits."""
    return _after_the_time(REQUEST_ID_BYTES).hex()


def _after_the_time(random_bytes: int) -> bytes:
    return (time.time_ns() // 1_000_000).to_bytes(TIME_BYTES, "big") + secrets.token_bytes(random_bytes)
