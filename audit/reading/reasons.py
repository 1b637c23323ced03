"""Why a request was refused, in a few plain words: recognised by the error and the detail of its row.

The detail says the same with names and numbers, for one request; a reason is the same for all requests like it. The
texts are those of `issuance/`: a test holds them together.
"""

from dataclasses import dataclass
from functools import reduce

from django.db.models import F, Q, TextField, Value
from django.db.models.functions import Replace, StrIndex
from django.db.models.lookups import Exact, GreaterThan

FORMER_WORDS = {"relying party": "client", "resource server": "API"}
"""What older rows say for what is said now."""


def in_present_words(detail: str) -> str:
    return reduce(lambda text, words: text.replace(*words), FORMER_WORDS.items(), detail)


@dataclass(frozen=True, slots=True)
class Reason:
    """`begins` are the starts of a detail that say it, of which one must fit; `holds` must stand in it, too."""

    name: str
    text: str
    error: str
    begins: tuple[str, ...]
    holds: str = ""

    def is_of(self, *, error: str, detail: str) -> bool:
        detail = in_present_words(detail)
        return error == self.error and detail.startswith(self.begins) and self.holds in detail

    @property
    def condition(self) -> Q:
        """The same as `is_of`, for the database. LIKE would not do: SQLite ignores case there."""
        begins = Q()
        for start in self.begins:
            begins |= Q(Exact(_place_of(start), 1))
        holds = Q(GreaterThan(_place_of(self.holds), 0)) if self.holds else Q()
        return begins & holds


def _place_of(text: str) -> StrIndex:
    detail: F | Replace = F("detail")
    for former, present in FORMER_WORDS.items():
        detail = Replace(detail, Value(former), Value(present))
    return StrIndex(detail, Value(text, TextField()))


CLIENT, REQUEST, HERE, BUSY = (
    "invalid_client",
    "invalid_request",
    "unauthorized_client",
    "temporarily_unavailable",
)
SCOPE, TARGET, PROOF = "invalid_scope", "invalid_target", "invalid_dpop_proof"
SECRET = ("The secret is secret:",)
REASONS = (
    Reason("unknown_client", "unknown client", CLIENT, ("No such client",)),
    Reason("client_disabled", "client disabled", CLIENT, ("The client is not active",)),
    Reason("wrong_secret", "wrong secret", CLIENT, ("The secret is none", "The secret is empty")),
    Reason("secret_revoked", "secret revoked", CLIENT, SECRET, ", which was revoked"),
    Reason("secret_ended", "secret has ended", CLIENT, SECRET, ", which has expired"),
    Reason("no_live_secret", "no live secret", CLIENT, ("The client has no secret", "Every secret of the client")),
    Reason("secret_surrounded", "secret with something around it", CLIENT, SECRET, ", but for "),
    Reason("pepper_missing", "pepper missing here", CLIENT, ("SECRET_PEPPERS of this server lacks",)),
    Reason("other_method", "another method than registered", CLIENT, ("Registered for ",)),
    Reason("method_off", "method off at the issuer", CLIENT, ("The method ",)),
    Reason("assertion_used", "assertion used before", CLIENT,
           ("The client assertion was used", "The trusted issuer's token was used")),
    Reason("assertion_refused", "client assertion refused", CLIENT, ("The client assertion is refused",)),
    Reason("certificate_refused", "client certificate refused", CLIENT, ("The client certificate is refused",)),
    Reason("no_credential", "no credential sent", CLIENT, ("No authentication was sent",)),
    Reason("header_malformed", "malformed Authorization header", CLIENT,
           ("The Basic credentials", "The Authorization header")),
    Reason("address", "address not allowed", HERE, ("",), " is in none of the client's allowed networks"),
    Reason("address_unknown", "address unknown", HERE, ("The client is bound to networks",)),
    Reason("dates", "outside the client's dates", HERE,
           ("The client is valid from", "The client was valid until")),
    Reason("scope", "scope not granted", SCOPE, ("Not granted on ",)),
    Reason("api_ambiguous", "API not named", SCOPE, ("",), ": the request must name its resource"),
    Reason("scope_malformed", "malformed scope", SCOPE, ("The scope holds",)),
    Reason("api", "API not granted", TARGET, ("The resource ", "No grant for the claim template's")),
    Reason("template_api", "the claim template sets another API", TARGET, ("The claim template sets",)),
    Reason("no_default_api", "no API named, and no default", TARGET, ("No resource was asked for",)),
    Reason("rule", "request rule not met", REQUEST, ("The rule on ",)),
    Reason("parameter", "parameter missing for the claims", REQUEST, ("The claim template needs",)),
    Reason("no_certificate", "no client certificate", REQUEST, ("The client's tokens are bound",)),
    Reason("two_methods", "two credentials at once", REQUEST, ("Two ways of authentication",)),
    Reason("proof_missing", "DPoP proof missing", PROOF, ("The client must send a DPoP proof",)),
    Reason("proof_used", "DPoP proof used before", PROOF, ("The DPoP proof was used",)),
    Reason("proof_refused", "DPoP proof refused", PROOF, ("The DPoP proof is refused",)),
    Reason("quota", "quota used up", BUSY, ("Over the quota",)),
    Reason("guesses", "too many failed attempts", BUSY, ("",), "(AUTH_FAILURES_PER_MINUTE)"),
    Reason("misconfigured", "client misconfigured", BUSY, ("The client is proven.",)),
    Reason("keys_away", "the client's keys cannot be fetched", BUSY,
           ("The keys that prove", "The certificates that prove")),
    Reason("not_signed", "signing failed", BUSY, ("Signing failed",)),
)  # fmt: skip
BY_NAME = {reason.name: reason for reason in REASONS}
OTHERWISE = {
    REQUEST: "malformed request",
    CLIENT: "client not proven",
    HERE: "not allowed here and now",
    "unsupported_grant_type": "another grant type",
    SCOPE: "scope refused",
    TARGET: "API refused",
    PROOF: "DPoP not possible",
    BUSY: "not possible at that time",
    "server_error": "error of the server",
}
"""By the error, where none of the reasons fits."""


def reason_of(*, error: str, detail: str) -> Reason | None:
    return next((reason for reason in REASONS if reason.is_of(error=error, detail=detail)), None)


def reason_text(*, error: str, detail: str) -> str:
    """Empty for a request that was not refused."""
    reason = reason_of(error=error, detail=detail)
    return reason.text if reason else OTHERWISE.get(error, error)
