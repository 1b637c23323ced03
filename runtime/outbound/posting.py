"""Posting a statement over HTTP: within a few seconds in all, without redirects and without a proxy."""

import ssl
from concurrent.futures import Future
from contextlib import closing
from threading import Thread

from django.conf import settings
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

MAX_POST = 10.0
"""Seconds, from the look-up of the host to the status of the answer."""
ACCEPTED = range(200, 300)


class NotSentError(Exception):
    """A statement did not arrive, or nobody knows. The text says what to do, and holds no secret."""


def post(url: str, body: str) -> None:
    """Raises NotSentError.

    In a thread of its own, which is left behind when the time is over: the timeout of a socket begins again with each
    byte, and a look-up cannot be stopped.
    """
    answer: Future[int] = Future()
    Thread(target=_post, args=(url, body, answer), daemon=True).start()
    try:
        status = answer.result(timeout=MAX_POST)
    except TimeoutError as error:
        raise NotSentError(f"CHECKPOINT_URL did not answer within {MAX_POST:g} seconds. {ADVICE}") from error
    except (HTTPError, OSError, ValueError) as error:
        raise NotSentError(f"{_in_words(error)} {ADVICE}") from error
    if status not in ACCEPTED:
        raise NotSentError(f"CHECKPOINT_URL answered {status} instead of 2xx. {ADVICE}")


ADVICE = "Mend it, or what serves it: the next run sends the same statement again, and then those after it."


def _in_words(error: Exception) -> str:
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"The certificate of CHECKPOINT_URL is not trusted ({cause.verify_message}): correct it, or name a bundle "
            "with its authority in FETCH_CA_FILE."
        )
    return f"CHECKPOINT_URL cannot be reached ({type(error).__name__})."


def _post(url: str, body: str, answer: "Future[int]") -> None:
    try:
        answer.set_result(_status(url, body))
    except Exception as error:
        answer.set_exception(error)


def _status(url: str, body: str) -> int:
    with PoolManager(ssl_context=_trust(), timeout=Timeout(total=MAX_POST)) as pool:
        response = pool.request(
            "POST", url, body=body.encode(), retries=False, redirect=False, preload_content=False,
            headers={"Content-Type": "application/jwt", "User-Agent": "m2m-idp"},
        )  # fmt: skip
        with closing(response):
            return response.status


def _trust() -> ssl.SSLContext:
    """The authorities of FETCH_CA_FILE, or those that the system trusts."""
    try:
        return ssl.create_default_context(cafile=settings.FETCH_CA_FILE or None)
    except OSError as error:
        raise NotSentError(
            f"FETCH_CA_FILE cannot be read any more ({error}): put the PEM bundle back. {ADVICE}"
        ) from error
