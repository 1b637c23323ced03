"""What may differ from one good JWT to the next."""

import re
from collections.abc import Callable
from functools import partial

from tests.support.forging import (
    Change,
    Signer,
    claims,
    claims_json,
    claims_without,
    header,
    header_json,
    header_without,
)
from tests.support.jwt_faults.claims import ahead, changed, the_one
from tests.support.jwt_faults.fault import always
from tests.support.jwt_faults.headers import attackers_header

Harmless = dict[str, Callable[[Signer], Change]]

HARMLESS: Harmless = {
    "no kid": partial(always, header_without("kid")),
    "no typ": partial(always, header_without("typ")),
    "typ jwt": partial(always, header(typ="jwt")),
    "typ application/JWT": partial(always, header(typ="application/JWT")),
    "members that nobody knows": partial(always, header(x=[1, {"y": None}], cty="x", url="x", p2c=1)),
    "an attacker's keys in the header": lambda by: header(**attackers_header(by)),
    "one audience as a list": partial(always, changed("aud", lambda aud: [the_one(aud)])),
    "one audience as a text": partial(always, changed("aud", the_one)),
    "a fractional exp": partial(always, ahead("exp", 60.25)),
    "an exp with an exponent": partial(
        always, claims_json(lambda raw: re.sub(rb'"exp":([0-9.]+)(?=[,}])', rb'"exp":\1e+0', raw))
    ),
    "iat 8 seconds ahead": partial(always, ahead("iat", 8)),
    "nbf 8 seconds ahead": partial(always, ahead("nbf", 8.5)),
    "iat long ago": partial(always, claims(iat=0)),
    "no iat": partial(always, claims_without("iat")),
    "claims that nobody knows": partial(always, claims(x=10**300, y=[[[[{}]]]], z="\0é\u202e", azp=7)),
    "white space": partial(always, header_json(lambda raw: b" \n" + raw.replace(b'":', b'"\t:\r\n') + b" ")),
    "escaped letters": partial(always, header_json(lambda raw: raw.replace(b'"alg"', b'"\\u0061\\u006cg"'))),
    "an escaped slash": partial(always, claims_json(lambda raw: raw.replace(b"/", b"\\/"))),
}
OWN_HARMLESS: Harmless = {
    **HARMLESS,
    "typ client-authentication+jwt": partial(always, header(typ="client-authentication+jwt")),
    "typ application/client-authentication+JWT": partial(
        always, header(typ="application/client-authentication+JWT")
    ),
    "the longest exp": partial(always, ahead("exp", 655)),
    "a jti in another script": partial(
        always, changed("jti", lambda jti: f"{jti} é\u202e\0\N{SNOWMAN}" + 300 * "x")
    ),
}
TRUSTED_HARMLESS: Harmless = {
    **HARMLESS,
    "typ JOSE": partial(always, header(typ="JOSE")),
    "no jti": partial(always, claims_without("jti")),
    "the longest exp": partial(always, ahead("exp", 86_450)),
}
