"""P7.2, P7.3: headers that name no key, bring one, ask for another reading, or are of another kind."""

import base64
import hashlib
from collections.abc import Iterable
from functools import partial
from typing import Any

from tests.support.forging import Change, Signer, encoded, header, header_without, signed_by, signer
from tests.support.jwt_faults.fault import KIND, NO_KEY, SIGNATURE, Fault, exactly, of_any


def _holding(name: str) -> str:
    return exactly(f"Its header has {name}, which is not understood here.")


def attackers_header(by: Signer) -> dict[str, Any]:
    """Every parameter by which a header can bring or name a key (RFC 7515 sections 4.1.2 to 4.1.8)."""
    attacker = signer(by.alg, "attackers")
    return {
        "jwk": attacker.jwk,
        "jku": "http://127.0.0.1:9/jwks",
        "x5u": "http://127.0.0.1:9/chain.pem",
        "x5c": [base64.b64encode(attacker.der()).decode()],
        "x5t": encoded(hashlib.sha1(attacker.der(), usedforsecurity=False).digest()),
        "x5t#S256": encoded(hashlib.sha256(attacker.der()).digest()),
    }


def _attackers_key(names: Iterable[str], by: Signer) -> Change:
    brought = attackers_header(by)
    return signed_by(signer(by.alg, "attackers"), **{name: brought[name] for name in names})


def _attackers_key_unnamed(names: Iterable[str], by: Signer) -> Change:
    spoilt = _attackers_key(names, by)
    return lambda draft: header_without("kid")(spoilt(draft))


def _attackers_kid(by: Signer) -> Change:
    attacker = signer(by.alg, "attackers")
    return signed_by(attacker, jwk=attacker.jwk, kid=attacker.kid)


BRINGING = ("jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256")
WRONG_KIDS = ("", "nobody's", "../../../../dev/null", "/etc/passwd", "file:///etc/passwd", "' OR '1'='1",
              "1; DROP TABLE x", "%00", "\0",
              "*", ".*", "x" * 5000,
              "http://127.0.0.1:9/key")  # fmt: skip

HEADER_FAULTS = {
    **of_any(
        {f"crit {crit!r}": header(crit=crit) for crit in ([], ["exp"], ["alg"], ["x"], "exp", None)},
        _holding("crit"),
    ),
    **of_any({f"b64 {b64!r}": header(b64=b64) for b64 in (False, True, None, "false")}, _holding("b64")),
    **of_any({"crit b64": header(crit=["b64"], b64=False)}, _holding("crit, b64")),
    **of_any({"zip": header(zip="DEF")}, _holding("zip")),
    **of_any({"enc": header(enc="A128GCM")}, _holding("enc")),
    **of_any({f"kid {kid[:30]!r}": header(kid=kid) for kid in WRONG_KIDS}, NO_KEY),
    "kid in capitals": Fault(lambda by: header(kid=by.kid.upper()), NO_KEY),
    "a space after kid": Fault(lambda by: header(kid=by.kid + " "), NO_KEY),
    "another client's key": Fault(lambda by: signed_by(signer(by.alg, "others"), kid="others"), NO_KEY),
    "an attacker's key by its kid": Fault(_attackers_kid, NO_KEY),
    **of_any(
        {f"kid {kid!r}": header(kid=kid) for kid in (7, None, True, [], ["rs256"], {"kid": 1})},
        exactly("Its kid is not text."),
    ),
    **{f"an attacker's {name}": Fault(partial(_attackers_key, [name]), SIGNATURE) for name in BRINGING},
    **{
        f"an attacker's {name}, no kid": Fault(partial(_attackers_key_unnamed, [name]), SIGNATURE)
        for name in BRINGING
    },
    "an attacker's everything": Fault(partial(_attackers_key, BRINGING), SIGNATURE),
    **of_any(
        {
            f"typ {typ!r}": header(typ=typ)
            for typ in (
                "",
                "application/",
                "application/application/jwt",
                "at+jwt",
                "AT+JWT",
                "application/at+jwt",
                "dpop+jwt",
                "application/dpop+jwt",
                "logout+jwt",
                "secevent+jwt",
                "oauth-authz-req+jwt",
                "entity-statement+jwt",
                "JWT ",
                "jwt;x",
                "jwe",
                "client-authentication",
                7,
                None,
                True,
                ["JWT"],
                {"JWT": 1},
            )
        },
        KIND,
    ),
}
