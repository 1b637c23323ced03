"""The steps of one token request, from its row: passed, refused with the reason and what mends it, or not reached."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.contrib.auth.models import AnonymousUser, User

from audit.models import IssuanceEvent, Outcome
from console.steps.advice import Advice, advice_on
from console.steps.configured import configured
from issuance.outlook.reasons import STEP_OF, Reason, Step

Viewer = User | AnonymousUser


class State(StrEnum):
    """The value is the word that stands beside the mark."""

    PASSED = "passed"
    FAILED = "refused here"
    LATER = "not reached"


@dataclass(frozen=True, slots=True)
class ShownStep:
    """`note` is what the step found out. `advice` is that of the step which failed."""

    name: str
    state: State
    note: str = ""
    advice: Advice | None = None


NAMES: Mapping[Step, str] = {
    Step.READ: "Request read",
    Step.CLIENT: "Client active",
    Step.PROOF: "Client proved",
    Step.BINDING: "Binding",
    Step.ACCESS: "Access",
    Step.NETWORK: "Network",
    Step.DATES: "Dates",
    Step.RULES: "Request rules",
    Step.KEY: "Signing key",
    Step.CLAIMS: "Claims",
    Step.QUOTA: "Quota",
    Step.RECORD: "Recorded",
    Step.SIGNATURE: "Signed",
}
_REACHED: tuple[tuple[str, Step], ...] = (
    ("jti", Step.SIGNATURE), ("audience", Step.KEY), ("credential", Step.BINDING), ("auth_method", Step.PROOF),
    ("client_id", Step.CLIENT),
)  # fmt: skip
"""A column that a step before fills, and the step behind it: for a refusal whose reason names none."""
_NOT_IN_DRY_RUNS = frozenset({Step.RECORD, Step.SIGNATURE})


def steps_of(event: IssuanceEvent, *, viewer: Viewer) -> tuple[ShownStep, ...]:
    """Also of an event that is not stored, for a dry run. Only acts that the viewer may do are shown."""
    if event.outcome == Outcome.ISSUED:
        return tuple(_done(step, event) for step in Step)
    about = configured(event)
    failed = failed_step(event, about.reason)
    order = list(Step)
    before, after = order[: order.index(failed)], order[order.index(failed) + 1 :]
    return (
        *(_passed(step, event) for step in before),
        ShownStep(NAMES[failed], State.FAILED, advice=_for(viewer, advice_on(about))),
        *(ShownStep(NAMES[step], State.LATER) for step in after),
    )


def failed_step(event: IssuanceEvent, reason: Reason) -> Step:
    if event.outcome == Outcome.FAILED:
        return Step.SIGNATURE
    if reason in STEP_OF:
        return STEP_OF[reason]
    return next((step for column, step in _REACHED if getattr(event, column)), Step.READ)


def _done(step: Step, event: IssuanceEvent) -> ShownStep:
    """Of a request that gets a token. A dry run leaves out what leaves a trace."""
    if event.pk is None and step in _NOT_IN_DRY_RUNS:
        return ShownStep(NAMES[step], State.LATER, note="not done in a dry run")
    return _passed(step, event)


def _passed(step: Step, event: IssuanceEvent) -> ShownStep:
    note = _NOTES.get(step, _nothing)(event)
    return ShownStep(NAMES[step], State.PASSED, note=note)


def _for(viewer: Viewer, advice: Advice) -> Advice:
    acts = tuple(act for act in advice.acts if viewer.has_perm(act.permission))
    return Advice(why=advice.why, to_do=advice.to_do, acts=acts)


def _nothing(_event: IssuanceEvent) -> str:
    return ""


def _proof(event: IssuanceEvent) -> str:
    return f"taken as proven, for {event.actor}" if event.is_test else event.credential


def _access(event: IssuanceEvent) -> str:
    return f"{event.scope or 'no scope'} at {event.audience}" if event.audience else ""


def _network(event: IssuanceEvent) -> str:
    return event.ip if event.ip or event.pk else "not checked: no address was given"


def _record(event: IssuanceEvent) -> str:
    return f"row {event.pk}" if event.pk else ""


def _signature(event: IssuanceEvent) -> str:
    return f"{event.alg} by {event.kid}"


_NOTES: Mapping[Step, Callable[[IssuanceEvent], str]] = {
    Step.CLIENT: lambda event: event.client_id,
    Step.PROOF: _proof,
    Step.BINDING: lambda event: event.confirmation or "",
    Step.ACCESS: _access,
    Step.NETWORK: _network,
    Step.CLAIMS: lambda event: event.claim_template,
    Step.RECORD: _record,
    Step.SIGNATURE: _signature,
}
