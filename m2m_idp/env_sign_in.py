"""How people sign in to the console, as the environment says."""

from dataclasses import dataclass
from datetime import timedelta

from m2m_idp.env_values import Variables, switch_of, whole_number_of


@dataclass(frozen=True, slots=True)
class SignIn:
    idle: timedelta
    """After which a session without a request ends."""
    longest: timedelta
    """After which a session ends, however busy it is."""
    requires_second_factor: bool
    """Of users who sign in with a password."""


def sign_in(env: Variables) -> SignIn:
    """Raises ImproperlyConfigured, naming the variable."""
    idle = whole_number_of(env, "SESSION_IDLE_MINUTES", default=30, smallest=2, largest=1440)
    hours = whole_number_of(env, "SESSION_MAX_HOURS", default=8, smallest=1, largest=168)
    return SignIn(
        idle=timedelta(minutes=idle),
        longest=timedelta(hours=hours),
        requires_second_factor=switch_of(env, "REQUIRE_SECOND_FACTOR"),
    )
