"""What happened in one token request, in plain words and in order: a pure function of its row and its client."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from audit.models import IssuanceEvent, Outcome
from console.auth_methods import in_words
from issuance.outlook.client_status import ClientStatus


@dataclass(frozen=True, slots=True)
class Chapter:
    """`about` names the object that console/requests/event_objects.py links beside it."""

    title: str
    sentences: tuple[str, ...]
    about: tuple[str, ...] = ()


BINDINGS = {
    "x5t#S256": "the TLS client certificate with the thumbprint",
    "jkt": "the DPoP key with the thumbprint",
}


def story_of(event: IssuanceEvent, *, status: ClientStatus | None = None) -> tuple[Chapter, ...]:
    """`status` is that of the client now, if there is such a client."""
    tellers: tuple[Callable[[IssuanceEvent], Chapter | None], ...] = (
        _asked, _proved, _wanted, _granted, _signed, partial(_refused, status=status),
    )  # fmt: skip
    return tuple(chapter for teller in tellers if (chapter := teller(event)))


def _asked(event: IssuanceEvent) -> Chapter:
    who = (
        f"Somebody who claimed to be {event.client_id}" if event.client_id else "Somebody who named no client"
    )
    place = f"from {event.ip}" if event.ip else "from an unknown address"
    sentences = [f"{who} asked for a token at {event.at:%H:%M:%S} UTC on {event.at:%Y-%m-%d}, {place}."]
    if event.user_agent:
        sentences.append(f"The caller's software called itself {event.user_agent}.")
    if event.is_test:
        sentences.append(f"It was a test in the console, by {event.actor or 'somebody'}.")
    return Chapter("Who asked", tuple(sentences), ("issuer", "relying_party"))


def _proved(event: IssuanceEvent) -> Chapter | None:
    if not event.auth_method:
        return None
    how = in_words(event.auth_method).proved
    if event.credential:
        return Chapter(
            "How it proved itself", (f"It proved itself {how}: {event.credential}.",), ("credential",)
        )
    return Chapter("How it proved itself", (f"It tried to prove itself {how}, and did not.",))


def _wanted(event: IssuanceEvent) -> Chapter | None:
    if not (event.grant_type or event.scope_requested or event.resource_requested):
        return None
    scope = f"the scopes {event.scope_requested}" if event.scope_requested else "no scope in particular"
    resource = (
        f"for {event.resource_requested}" if event.resource_requested else "for no resource in particular"
    )
    grant = f" The grant type was {event.grant_type}." if event.grant_type else " It named no grant type."
    return Chapter("What it asked for", (f"It asked for {scope}, {resource}.{grant}",))


def _granted(event: IssuanceEvent) -> Chapter | None:
    if not event.audience:
        return None
    scope = f"with the scopes {event.scope}" if event.scope else "without a scope"
    will = (
        "It was granted a token" if event.outcome == Outcome.ISSUED else "It would have been granted a token"
    )
    sentences = [f"{will} for {event.audience}, {scope}."]
    if event.subject:
        sentences.append(f"Its subject is {event.subject}.")
    sentences += [f"It is bound to {bond}." for bond in _bonds(event.confirmation or "")]
    about = ("resource_server", "claim_template") if event.claim_template else ("resource_server",)
    return Chapter("What was granted", tuple(sentences), about)


def _bonds(confirmation: str) -> list[str]:
    pairs = [bond.rpartition(":") for bond in confirmation.split()]
    return [f"{BINDINGS.get(method, method)} {name}" for method, _, name in pairs]


def _signed(event: IssuanceEvent) -> Chapter | None:
    if event.outcome == Outcome.REFUSED or not event.kid:
        return None
    until = f", good until {event.expires_at:%Y-%m-%d %H:%M:%S} UTC" if event.expires_at else ""
    what = f"The token {event.jti}{until}"
    if event.outcome == Outcome.FAILED:
        sentence = f"{what}, was to be signed by {event.alg} with the key {event.kid}, and was not."
    else:
        sentence = f"{what}, was signed by {event.alg} with the key {event.kid}. Whether it arrived is not known here."
    return Chapter("What was signed", (sentence,), ("signing_key",))


def _refused(event: IssuanceEvent, *, status: ClientStatus | None) -> Chapter | None:
    if event.outcome == Outcome.ISSUED:
        return None
    ended = f"The request ended {where_it_ended(event)}, with {event.http_status} {event.error}."
    sentences = (ended, event.detail, *_present_problems(status))
    return Chapter("Why there is no token", tuple(sentence for sentence in sentences if sentence))


def _present_problems(status: ClientStatus | None) -> tuple[str, ...]:
    """What mends the refusal itself stands at the step that refused (console/steps/advice.py)."""
    if status is None or status.gets_tokens:
        return ()
    return (f"As the client is set up now: {status}", *(obstacle.advice for obstacle in status.obstacles))


def where_it_ended(event: IssuanceEvent) -> str:
    """The step after the last one that left a value in the row."""
    if event.outcome == Outcome.FAILED:
        return "when the token was to be signed"
    if event.subject or event.audience:
        return "when everything was granted and the token was about to be made"
    if event.credential:
        return "when it had proved itself, and what it asked for was checked"
    if event.auth_method:
        return "when it had to prove itself"
    if event.grant_type or event.client_id:
        return "when it was read, before anything proved who asked"
    return "on arrival, before it was read to its end"
