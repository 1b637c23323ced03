"""Token requests with DPoP proofs, and what is answered."""

from tests.support.cast import Cast
from tests.support.wire import TOKEN, Answer, Headers, ask, assert_refused, events

REFUSAL = {
    "error": "invalid_dpop_proof",
    "error_description": "The DPoP proof is missing, malformed, used before or of another request.",
}


def billing(cast: Cast, *proofs: str, target: str = TOKEN, headers: Headers = ()) -> Answer:
    sent = [*headers, *(("DPoP", proof) for proof in proofs)]
    return ask(auth=cast.basic("billing"), headers=sent, target=target)


def assert_refused_for(answer: Answer, reason: str) -> None:
    """The exact answer, and one row with this reason and without a token's names."""
    (event,) = events()
    assert assert_refused(answer, 400, "invalid_dpop_proof") == event
    assert answer.json == REFUSAL
    assert event.detail == reason
    assert (event.jti, event.kid, event.alg, event.expires_at) == ("", "", "", None)
