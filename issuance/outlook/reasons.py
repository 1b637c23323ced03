"""Why a request was refused: the step that refused it, and a reason that is finer than the error on the wire.

A row of the record holds the error and a detail for people. The reason is read from those two, so that rows of any age
have one. A new refusal needs its line in _TABLE (tests/issuance/test_reasons.py finds one that has none).
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from audit.reading.reasons import in_present_words


class Step(StrEnum):
    """The checks of the token endpoint, in its order."""

    READ = "read"
    CLIENT = "client"
    PROOF = "proof"
    BINDING = "binding"
    ACCESS = "access"
    NETWORK = "network"
    DATES = "dates"
    RULES = "rules"
    KEY = "key"
    CLAIMS = "claims"
    QUOTA = "quota"
    RECORD = "record"
    SIGNATURE = "signature"


class Reason(StrEnum):
    """A stable code."""

    MALFORMED = "malformed"
    CERTIFICATE_HEADER = "certificate_header"
    DATABASE_AWAY = "database_away"
    DEFECT = "defect"

    ISSUER_DISABLED = "issuer_disabled"
    UNKNOWN_ISSUER = "unknown_issuer"
    TEST_TOKENS_OFF = "test_tokens_off"
    UNKNOWN_CLIENT = "unknown_client"
    CLIENT_DISABLED = "client_disabled"
    METHOD_OFF = "method_off"

    TWO_PROOFS = "two_proofs"
    NO_PROOF = "no_proof"
    UNREADABLE_PROOF = "unreadable_proof"
    OTHER_METHOD = "other_method"
    WRONG_SECRET = "wrong_secret"  # noqa: S105 - a reason
    NEARLY_RIGHT_SECRET = "nearly_right_secret"  # noqa: S105 - a reason
    ENDED_SECRET = "ended_secret"  # noqa: S105 - a reason
    NO_LIVE_SECRET = "no_live_secret"  # noqa: S105 - a reason
    NO_PEPPER = "no_pepper"
    ASSERTION = "assertion"
    USED_BEFORE = "used_before"
    CERTIFICATE = "certificate"
    KEYS_AWAY = "keys_away"
    GUESSES = "guesses"
    MISCONFIGURED = "misconfigured"

    NO_CERTIFICATE = "no_certificate"
    DPOP_OFF = "dpop_off"
    DPOP_PROOF = "dpop_proof"

    GRANT_TYPE = "grant_type"
    MALFORMED_SCOPE = "malformed_scope"
    SCOPE_NOT_GRANTED = "scope_not_granted"
    SCOPE_OF_SEVERAL_APIS = "scope_of_several_apis"
    API_NOT_NAMED = "api_not_named"
    API_NOT_GRANTED = "api_not_granted"
    TEMPLATE_AUDIENCE = "template_audience"
    TWO_AUDIENCES = "two_audiences"

    OTHER_NETWORK = "other_network"
    NOT_YET_VALID = "not_yet_valid"
    NO_LONGER_VALID = "no_longer_valid"
    RULE = "rule"
    REPEATED_PARAMETER = "repeated_parameter"

    NO_SIGNING_KEY = "no_signing_key"
    KEY_UNREADABLE = "key_unreadable"
    PARAMETER_MISSING = "parameter_missing"
    TEMPLATE = "template"
    QUOTA = "quota"
    NOT_RECORDED = "not_recorded"
    NOT_SIGNED = "not_signed"

    UNKNOWN = "unknown"
    """The detail is of another version of the server."""


STEP_OF: Mapping[Reason, Step] = {
    reason: step
    for step, reasons in {
        Step.READ: (Reason.MALFORMED,),
        Step.CLIENT: (
            Reason.ISSUER_DISABLED, Reason.UNKNOWN_ISSUER, Reason.TEST_TOKENS_OFF, Reason.UNKNOWN_CLIENT,
            Reason.CLIENT_DISABLED, Reason.METHOD_OFF,
        ),
        Step.PROOF: (
            Reason.CERTIFICATE_HEADER, Reason.TWO_PROOFS, Reason.NO_PROOF, Reason.UNREADABLE_PROOF,
            Reason.OTHER_METHOD, Reason.WRONG_SECRET, Reason.NEARLY_RIGHT_SECRET, Reason.ENDED_SECRET,
            Reason.NO_LIVE_SECRET, Reason.NO_PEPPER, Reason.ASSERTION, Reason.USED_BEFORE, Reason.CERTIFICATE,
            Reason.KEYS_AWAY, Reason.GUESSES, Reason.MISCONFIGURED,
        ),
        Step.BINDING: (Reason.NO_CERTIFICATE, Reason.DPOP_OFF, Reason.DPOP_PROOF),
        Step.ACCESS: (
            Reason.GRANT_TYPE, Reason.MALFORMED_SCOPE, Reason.SCOPE_NOT_GRANTED, Reason.SCOPE_OF_SEVERAL_APIS,
            Reason.API_NOT_NAMED, Reason.API_NOT_GRANTED, Reason.TEMPLATE_AUDIENCE, Reason.TWO_AUDIENCES,
        ),
        Step.NETWORK: (Reason.OTHER_NETWORK,),
        Step.DATES: (Reason.NOT_YET_VALID, Reason.NO_LONGER_VALID),
        Step.RULES: (Reason.RULE, Reason.REPEATED_PARAMETER),
        Step.KEY: (Reason.NO_SIGNING_KEY, Reason.KEY_UNREADABLE),
        Step.CLAIMS: (Reason.PARAMETER_MISSING, Reason.TEMPLATE),
        Step.QUOTA: (Reason.QUOTA,),
        Step.RECORD: (Reason.NOT_RECORDED,),
        Step.SIGNATURE: (Reason.NOT_SIGNED,),
    }.items()
    for reason in reasons
}  # fmt: skip
"""All but what any step can meet: a database that is away, a defect, and what is UNKNOWN."""


class _Line(NamedTuple):
    reason: Reason
    error: str
    begins: str
    """A regular expression for how the detail begins."""


_TABLE = tuple(
    _Line(reason, error, begins)
    for error, lines in {
        "invalid_client": (
            (Reason.ASSERTION, r"The client assertion is refused\. "),
            (
                Reason.USED_BEFORE,
                r"The client assertion was used before|The trusted issuer's token was used before",
            ),
            (Reason.CERTIFICATE, r"The client certificate is refused\. "),
            (Reason.UNKNOWN_CLIENT, r"No such client at this issuer\."),
            (Reason.CLIENT_DISABLED, r"The client is not active\."),
            (Reason.OTHER_METHOD, r"Registered for "),
            (Reason.METHOD_OFF, r"The method \S+ is off at this issuer\."),
            (Reason.ENDED_SECRET, r"The secret is secret:\d+, which "),
            (Reason.NEARLY_RIGHT_SECRET, r"The secret is secret:\d+, but for "),
            (Reason.NO_LIVE_SECRET, r"The client has no secret|Every secret of the client has expired"),
            (Reason.NO_PEPPER, r"SECRET_PEPPERS of this server lacks "),
            (Reason.WRONG_SECRET, r"The secret is (none of those registered|empty)"),
            (Reason.NO_PROOF, r"No authentication was sent"),
            (Reason.UNREADABLE_PROOF, r"The Basic credentials |The Authorization header has another scheme"),
        ),
        "unauthorized_client": (
            (
                Reason.OTHER_NETWORK,
                r"The client is bound to networks|\S+ is in none of the client's allowed networks",
            ),
            (Reason.NOT_YET_VALID, r"The client is valid from "),
            (Reason.NO_LONGER_VALID, r"The client was valid until "),
            (Reason.TEST_TOKENS_OFF, r"Test tokens are off "),
        ),
        "unsupported_grant_type": ((Reason.GRANT_TYPE, r"Another grant_type "),),
        "invalid_scope": (
            (Reason.MALFORMED_SCOPE, r"The scope holds a character "),
            (Reason.SCOPE_NOT_GRANTED, r"Not granted on |No single API grants "),
            (Reason.SCOPE_OF_SEVERAL_APIS, r"\d+ APIs grant "),
        ),
        "invalid_target": (
            (Reason.API_NOT_NAMED, r"No resource was asked for"),
            (
                Reason.TEMPLATE_AUDIENCE,
                r"The claim template sets the audience |No grant for the claim template's ",
            ),
            (Reason.API_NOT_GRANTED, r"The resource "),
        ),
        "invalid_dpop_proof": (
            (Reason.DPOP_OFF, r"The client requires DPoP, which is off "),
            (
                Reason.DPOP_PROOF,
                r"The client must send a DPoP proof|The DPoP proof (is refused|was used before)",
            ),
        ),
        "temporarily_unavailable": (
            (Reason.QUOTA, r"Over the quota of "),
            (Reason.NOT_SIGNED, r"Signing failed: "),
            (Reason.MISCONFIGURED, r"The client is proven\."),
            (Reason.KEYS_AWAY, r"The (keys|certificates) that prove the client cannot be had"),
            (Reason.TEMPLATE, r"The claim template (renders sub|uses )|The certificate chain of key "),
            (Reason.NO_SIGNING_KEY, r".{1,200} has no active \S+ key\. "),
            (Reason.KEY_UNREADABLE, r"Key \S+ (is encrypted under|does not open with) |The key \S+ lies in "),
            (Reason.KEY_UNREADABLE, r"The token |PKCS11_|Several tokens are |Other processes have waited "),
            (Reason.KEY_UNREADABLE, r"\S+, which says whether the token "),
            (Reason.NOT_RECORDED, r"The (row|refusal) could not be committed"),
            (Reason.DATABASE_AWAY, r"The database (failed|is away)"),
        ),
        "server_error": ((Reason.DEFECT, r"A defect: "),),
        "invalid_request": (
            (Reason.ISSUER_DISABLED, r"No active issuer has this path"),
            (Reason.UNKNOWN_ISSUER, r"No issuer has this path"),
            (Reason.TWO_PROOFS, r"Two ways of authentication at once"),
            (Reason.UNREADABLE_PROOF, r"client_assertion(_type)? is missing|The body names another client "),
            (Reason.GRANT_TYPE, r"grant_type is missing"),
            (Reason.NO_CERTIFICATE, r"The client's tokens are bound to its TLS client certificate"),
            (Reason.TWO_AUDIENCES, r"Both resource and audience were sent"),
            (Reason.RULE, r"The rule on "),
            (Reason.REPEATED_PARAMETER, r"The parameter \S+ stands \d+ times"),
            (Reason.PARAMETER_MISSING, r"The claim template needs the parameter "),
            (Reason.CERTIFICATE_HEADER, r"The header "),
            (Reason.MALFORMED, r"The parameter \S+ stands twice|The query string holds |A parameter "),
            (Reason.MALFORMED, r"The Content-Type |The charset |The body |No such URL|Another method than "),
        ),
    }.items()
    for reason, begins in lines
)
_GUESSES = re.compile(r" authentications from \S.* failed within a minute \(AUTH_FAILURES_PER_MINUTE\)\.\Z")
"""How the detail of a request ends that came after too many failures; before it stands what it failed for."""


def reason_of(*, error: str, detail: str) -> Reason:
    """The reason of a refusal; UNKNOWN for a detail that this version does not write."""
    detail = in_present_words(detail)
    if error == "temporarily_unavailable" and _GUESSES.search(detail):
        return Reason.GUESSES
    fitting = (line.reason for line in _TABLE if line.error == error and re.match(line.begins, detail))
    return next(fitting, Reason.UNKNOWN)
