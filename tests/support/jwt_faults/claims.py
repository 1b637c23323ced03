"""P7.4, P7.5, P7.9: claims that are missing, of another type or of another party."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.support.forging import Change, Draft, claims, claims_json, claims_without, header, more
from tests.support.jwt_faults.fault import KIND, Fault, always, exactly, of_any

NO_NUMBERS: tuple[Any, ...] = ("9999999999", "1e3", "", True, False, [], [9999999999], {}, None)
NO_TEXTS: tuple[Any, ...] = (7, 1.5, None, True, [], ["robot"], {}, "")
AUDIENCE = r"Its aud must be \S+ and nothing else\."
OTHER_CLAIM = r"Its (iss|sub) is .+; no federated credential of the client is for that one\."


def changed(name: str, change: Callable[[Any], Any]) -> Change:
    return lambda draft: claims(**{name: change(draft.claims[name])})(draft)


def ahead(name: str, seconds: float) -> Change:
    """An instant so many seconds from when the draft is changed."""

    def change(draft: Draft) -> Draft:
        return claims(**{name: time.time() + seconds})(draft)

    return change


def in_milliseconds(name: str) -> Change:
    def change(draft: Draft) -> Draft:
        return claims(**{name: int(time.time() * 1000)})(draft)

    return change


def surrogate(name: str) -> Change:
    """Half of a character, as JSON can escape it."""
    raw = b'"%s":"\\ud800"' % name.encode()
    return lambda draft: claims_json(more(raw))(claims_without(name)(draft))


def _audience(of: Callable[[str], Any], own: Any) -> Any:
    return of(the_one(own))


def the_one(audience: Any) -> str:
    return str(audience[0] if isinstance(audience, list) else audience)


AUDIENCES: dict[str, Callable[[str], Any]] = {
    "nothing": lambda _: "",
    "null": lambda _: None,
    "a number": lambda _: 7,
    "an object": lambda own: {own: own},
    "an empty list": lambda _: [],
    "a list of lists": lambda own: [[own]],
    "twice the same": lambda own: [own, own],
    "the issuer and another": lambda own: [own, "https://other.example"],
    "another and the issuer": lambda own: ["https://other.example", own],
    "a slash after it": lambda own: own + "/",
    "the token endpoint": lambda own: own + "/token",
    "the issuer and its token endpoint": lambda own: [own, own + "/token"],
    "the seed's token endpoint": lambda own: own.replace("/oidc_m2m", "/api/oidc_m2m"),
    "the discovery document": lambda own: own + "/.well-known/openid-configuration",
    "capitals": lambda own: own.upper(),
    "the host alone": lambda own: own.rpartition("/")[0],
    "another issuer here": lambda own: own.replace("oidc_m2m", "other"),
    "a space after it": lambda own: own + " ",
    "without its scheme": lambda own: own.partition("://")[2],
    "an asterisk": lambda _: "*",
}

CLAIM_FAULTS = {
    **of_any(
        {f"{name} {value!r}": claims(**{name: value}) for name in ("exp",) for value in NO_NUMBERS},
        exactly("Its exp is not a number of seconds."),
    ),
    **of_any({"no exp": claims_without("exp")}, exactly("Its exp is missing.")),
    **of_any(
        {f"exp {value}": claims(exp=value) for value in (-1, 0, 0.5, -1.5, 1, 1_500_000_000)},
        r"It ended \d+ seconds ago\.",
    ),
    **of_any({"exp a second ago": ahead("exp", -1)}, r"It ended \d+ seconds ago\."),
    **of_any(
        {
            f"exp {str(value)[:9]}": claims(exp=value)
            for value in (1e308, -1e308, 10**400, -(10**400), 253_402_300_800, -253_402_300_800)
        }
        | {"exp in milliseconds": in_milliseconds("exp")},
        exactly("Its exp is beyond the calendar: it counts seconds since 1970."),
    ),
    **{
        f"{fault} of {name}": found
        for name in ("iat", "nbf")
        for fault, found in {
            **of_any(
                {repr(value): claims(**{name: value}) for value in NO_NUMBERS},
                exactly(f"Its {name} is not a number of seconds."),
            ),
            **of_any(
                {f"{seconds} seconds ahead": ahead(name, seconds) for seconds in (63, 3600)},
                exactly(f"Its {name} is ahead of this server's clock: set the client's clock."),
            ),
            **of_any(
                {"milliseconds": in_milliseconds(name)},
                exactly(f"Its {name} is beyond the calendar: it counts seconds since 1970."),
            ),
        }.items()
    },
    **of_any({"no aud": claims_without("aud")}, AUDIENCE),
    **{
        f"aud is {name}": Fault(partial(always, changed("aud", partial(_audience, of))), AUDIENCE)
        for name, of in AUDIENCES.items()
    },
    **{
        f"{fault} as {name}": found
        for name in ("iss", "sub")
        for fault, found in {
            **of_any(
                {repr(value): claims(**{name: value}) for value in NO_TEXTS},
                exactly(f"Its {name} is no text."),
            ),
            **of_any({"nothing": claims_without(name)}, exactly(f"Its {name} is missing.")),
            **of_any(
                {"half a character": surrogate(name)},
                exactly(f"Its {name} holds a lone surrogate, which is not a character."),
            ),
        }.items()
    },
}

OTHER_WORDS: dict[str, Callable[[str], str]] = {
    "in capitals": str.upper,
    "a slash after it": lambda value: value + "/",
    "a space after it": lambda value: value + " ",
    "a line end after it": lambda value: value + "\n",
    "a letter before it": lambda value: "x" + value,
    "a NUL after it": lambda value: value + "\0",
    "another": lambda _: "https://evil.example",
}

OWN_FAULTS = {
    **{
        f"{name} {what}": Fault(
            partial(always, changed(name, change)), exactly(f"Its {name} must be the client_id.")
        )
        for name in ("iss", "sub")
        for what, change in OTHER_WORDS.items()
    },
    **of_any({f"jti {value!r}": claims(jti=value) for value in NO_TEXTS}, exactly("Its jti is no text.")),
    **of_any({"no jti": claims_without("jti")}, exactly("Its jti is missing.")),
    **of_any(
        {"half a character as jti": surrogate("jti")},
        exactly("Its jti holds a lone surrogate, which is not a character."),
    ),
    **of_any(
        {"exp too far": ahead("exp", 663), "exp in a day": ahead("exp", 86_400)},
        exactly("It ends in more than 600 seconds: make it shorter."),
    ),
    **of_any({"typ JOSE": header(typ="JOSE")}, KIND),
}

TRUSTED_FAULTS = {
    **{
        f"{name} {what}": Fault(partial(always, changed(name, change)), "(?s)" + OTHER_CLAIM)
        for name in ("iss", "sub")
        for what, change in OTHER_WORDS.items()
    },
    **of_any(
        {"exp too far": ahead("exp", 86_463)}, exactly("It ends in more than 86400 seconds: make it shorter.")
    ),
    **of_any({"typ client-authentication+jwt": header(typ="client-authentication+jwt")}, KIND),
}
