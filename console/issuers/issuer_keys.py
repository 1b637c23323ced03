"""An issuer's keys as its page shows them: which one signs, what comes next, and what is missing."""

from dataclasses import dataclass
from datetime import datetime

from console.signing_keys.key_outlook import Outlook, outlooks_of
from console.signing_keys.key_timeline import Timeline, timeline
from issuers.models import Issuer, SigningAlg
from keys.models import SigningKey
from keys.schedule import KeyState, signing_key


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One algorithm of an issuer: the key that signs with it, if there is one."""

    alg: str
    key: SigningKey | None
    state: KeyState | None
    is_needed: bool
    outlook: Outlook | None


@dataclass(frozen=True, slots=True)
class IssuerKeys:
    lines: tuple[KeyLine, ...]
    timeline: Timeline | None

    @property
    def is_missing(self) -> bool:
        """Whether no key signs with the issuer's own algorithm."""
        return any(line.is_needed and line.state != KeyState.ACTIVE for line in self.lines)


def keys_of(issuer: Issuer, *, now: datetime) -> IssuerKeys:
    keys = list(SigningKey.objects.filter(issuer=issuer).select_related("issuer"))
    outlook = {outlook.key.alg: outlook for outlook in outlooks_of(issuer, now)}
    return IssuerKeys(
        lines=tuple(_line(alg, keys, issuer, outlook.get(alg), now) for alg in SigningAlg.values),
        timeline=timeline(keys, issuer=issuer, now=now) if keys else None,
    )


def _line(
    alg: str, keys: list[SigningKey], issuer: Issuer, outlook: Outlook | None, now: datetime
) -> KeyLine:
    key = signing_key(keys, alg=alg, now=now)
    return KeyLine(
        alg=alg,
        key=key,
        state=key.state(now) if key else None,
        is_needed=alg == issuer.signing_alg,
        outlook=outlook,
    )
