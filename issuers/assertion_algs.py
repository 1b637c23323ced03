"""What client assertions and DPoP proofs may be signed with (RFC 7518 section 3.1, RFC 8037, RFC 9864)."""

from typing import Any

ALGS = {
    ("RSA", None): ("RS256", "PS256"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
}
"""What a key of each type and curve may sign with."""
ASSERTION_ALGS = tuple(alg for algs in ALGS.values() for alg in algs)


def all_algs() -> list[str]:
    return list(ASSERTION_ALGS)


def algs_problem(algs: Any) -> str | None:
    """What is wrong with a list of algorithms that an issuer accepts, None if nothing is."""
    known = ", ".join(ASSERTION_ALGS)
    if not isinstance(algs, list) or not algs:
        return f"A list of at least one of: {known}."
    if unknown := [alg for alg in algs if alg not in ASSERTION_ALGS]:
        return f"Not supported: {', '.join(map(str, unknown))}. Supported: {known}."
    return "An algorithm must not be repeated." if len(set(algs)) < len(algs) else None
