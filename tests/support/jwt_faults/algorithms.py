"""P7.1: algorithms that the key does not sign with."""

import hmac
import itertools
from collections.abc import Callable
from functools import partial

from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.forging import (
    ALGS,
    Change,
    Signer,
    decoded,
    header,
    header_without,
    signed_by,
    signer,
    written,
)
from tests.support.jwt_faults.fault import ALG, NOT_ALLOWED, Fault, nothing, of_any


def _hmac_of(hash_name: str, key: bytes) -> Callable[[bytes], bytes]:
    return lambda data: hmac.digest(key, data, hash_name)


PUBLIC_FORMS: dict[str, Callable[[Signer], bytes]] = {
    "PEM": lambda by: by.der(Encoding.PEM),
    "PEM without its last line end": lambda by: by.der(Encoding.PEM).rstrip(),
    "DER": lambda by: by.der(),
    "JWK": lambda by: written(by.jwk),
    "members of the JWK": lambda by: written({n: v for n, v in by.jwk.items() if n != "kid"}),
    "bytes of the number": lambda by: decoded(by.jwk["n" if by.jwk["kty"] == "RSA" else "x"]),
    "nothing": lambda _: b"",
}


def _keyed_with_public(hash_name: str, form: str, by: Signer) -> Change:
    return signed_by(_hmac_of(hash_name, PUBLIC_FORMS[form](by)), alg=f"HS{hash_name[3:]}")


def _of_another_key(steps: int, by: Signer) -> Change:
    """Another algorithm, of another kind of key."""
    own = {alg for alg in ALGS if signer(alg).kid == by.kid}
    others = [alg for alg in ALGS if alg not in own]
    return header(alg=others[steps % len(others)])


NONE_FORMS = ["".join(letters) for letters in itertools.product(*zip("none", "NONE", strict=True))]
OTHER_ALGS = ("", "rs256", "RS256 ", "RS384", "RS512", "PS384", "PS512", "ES256K", "RSA-OAEP", "dir", "EdDsa", "Ed448",
              ["RS256"], ["none"], 256, None, True, {"RS256": 1})  # fmt: skip

ALG_FAULTS = {
    **of_any({f"alg {form}, signed": header(alg=form) for form in NONE_FORMS}, ALG),
    **of_any({f"alg {form}, unsigned": signed_by(nothing, alg=form) for form in NONE_FORMS}, ALG),
    **of_any({f"alg {alg!r}": header(alg=alg) for alg in OTHER_ALGS}, ALG),
    **of_any({"alg missing": header_without("alg")}, ALG),
    **{
        f"HS by {hash_name} keyed with the public key as {form}": Fault(
            partial(_keyed_with_public, hash_name, form), ALG
        )
        for hash_name in ("sha256", "sha384", "sha512")
        for form in PUBLIC_FORMS
    },
    **{
        f"alg of another kind of key, {steps}": Fault(partial(_of_another_key, steps), NOT_ALLOWED)
        for steps in range(6)
    },
}
