"""Posting over HTTP: within a few seconds in all, without redirects and without a proxy."""

import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from threading import Thread
from typing import TypeVar

from django.conf import settings
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

MAX_POST = 10.0
"""Seconds, from the look-up of the host to the status of the answer."""
ACCEPTED = range(200, 300)


ADVICE = "Mend it, or what serves it: the next run sends the same statement again, and then those after it."
T = TypeVar("T")


class NotSentError(Exception):
    """Something did not arrive, or nobody knows. The text says what to do, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is posted to, the setting that names it, and what to do when that fails."""

    url: str
    setting: str = "CHECKPOINT_URL"
    advice: str = ADVICE


def post(url: str, body: str) -> None:
    """A statement of a checkpoint. Raises NotSentError."""
    post_to(Place(url), body, headers={"Content-Type": "application/jwt"})


def post_to(place: Place, body: str, *, headers: Mapping[str, str]) -> None:
    """Raises NotSentError."""
    try:
        status = in_time(lambda: _status(place.url, body, headers), seconds=MAX_POST)
    except TimeoutError as error:
        raise NotSentError(
            f"{place.setting} did not answer within {MAX_POST:g} seconds. {place.advice}"
        ) from error
    except (HTTPError, OSError, ValueError) as error:
        raise NotSentError(f"{_in_words(error, place.setting)} {place.advice}") from error
    if status not in ACCEPTED:
        raise NotSentError(f"{place.setting} answered {status} instead of 2xx. {place.advice}")


def in_time(act: Callable[[], T], *, seconds: float) -> T:
    """What it returns or raises; TimeoutError after so long in all.

    In a thread of its own, which is left behind when the time is over: the timeout of a socket begins again with each
    byte, and a look-up cannot be stopped.
    """
    answer: Future[T] = Future()
    Thread(target=_settle, args=(act, answer), daemon=True).start()
    return answer.result(timeout=seconds)


def _in_words(error: Exception, setting: str) -> str:
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"The certificate of {setting} is not trusted ({cause.verify_message}): correct it, or name a bundle "
            "with its authority in FETCH_CA_FILE."
        )
    return f"{setting} cannot be reached ({type(error).__name__})."


def _settle(act: Callable[[], T], answer: "Future[T]") -> None:
    try:
        answer.set_result(act())
    except Exception as error:
        answer.set_exception(error)


def _status(url: str, body: str, headers: Mapping[str, str]) -> int:
    with PoolManager(ssl_context=trust(), timeout=Timeout(total=MAX_POST)) as pool:
        response = pool.request(
            "POST", url, body=body.encode(), retries=False, redirect=False, preload_content=False,
            headers={"User-Agent": "m2m-idp", **headers},
        )  # fmt: skip
        with closing(response):
            return response.status


def trust() -> ssl.SSLContext:
    """The authorities of FETCH_CA_FILE, or those that the system trusts."""
    try:
        return ssl.create_default_context(cafile=settings.FETCH_CA_FILE or None)
    except OSError as error:
        raise NotSentError(
            f"FETCH_CA_FILE cannot be read any more ({error}): put the PEM bundle back. {ADVICE}"
        ) from error
