"""How often a sign-in may fail. One count for passwords and for the codes of second factors."""

from dataclasses import dataclass

from django.http import HttpRequest

from console.sign_in.login_visitor import Visitor
from runtime.rate_limit.windows import Window

SECONDS = 300
MAX_FAILURES = 10
"""For one user name from one network, or from one browser that the user logged in with, within the window."""
MAX_FAILURES_OF_NETWORK = 30
"""For all user names together: a whole office may share one address."""
FAILURES = Window("login-failures", seconds=SECONDS, max_keys=10_000)
NETWORK_FAILURES = Window("login-failures-of-network", seconds=SECONDS, max_keys=10_000)
CODE_FAILURES = Window("login-code-failures", seconds=SECONDS, max_keys=10_000)
"""Of one user from all networks: only who knows the password gets that far."""
DAY = 86_400
MAX_CODE_FAILURES_OF_DAY = 50
CODE_FAILURES_OF_DAY = Window("login-code-failures-of-day", seconds=DAY, max_keys=10_000)
"""Three of a million codes are right at a time: who knows the password would find one in months."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One user name, from one visitor."""

    visitor: Visitor
    username: str

    @classmethod
    def of(cls, request: HttpRequest, username: str) -> "Attempt":
        return cls(Visitor.of(request), username)

    def wait(self) -> int:
        """Seconds until a password of that name is checked."""
        wait = FAILURES.wait(self._key, limit=MAX_FAILURES)
        return wait if self._is_known else max(wait, network_wait(self.visitor))

    def code_wait(self) -> int:
        """Seconds until a code of that name is checked."""
        if self._is_known:
            return self.wait()
        return max(
            self.wait(),
            CODE_FAILURES.wait(self._user, limit=MAX_FAILURES),
            CODE_FAILURES_OF_DAY.wait(self._user, limit=MAX_CODE_FAILURES_OF_DAY),
        )

    def failed(self) -> None:
        FAILURES.take(self._key, limit=MAX_FAILURES)
        if not self._is_known:
            network_failed(self.visitor)

    def code_failed(self) -> None:
        self.failed()
        if not self._is_known:
            CODE_FAILURES.take(self._user, limit=MAX_FAILURES)
            CODE_FAILURES_OF_DAY.take(self._user, limit=MAX_CODE_FAILURES_OF_DAY)

    def succeeded(self) -> None:
        FAILURES.forget(self._key)

    @property
    def _key(self) -> str:
        return self.visitor.key_for(self.username)

    @property
    def _user(self) -> str:
        return self.visitor.key_anywhere(self.username)

    @property
    def _is_known(self) -> bool:
        return self.visitor.knows(self.username)


def network_failed(visitor: Visitor) -> None:
    NETWORK_FAILURES.take(visitor.network, limit=MAX_FAILURES_OF_NETWORK)


def network_wait(visitor: Visitor) -> int:
    return NETWORK_FAILURES.wait(visitor.network, limit=MAX_FAILURES_OF_NETWORK)
