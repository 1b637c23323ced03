"""Findings that an auditor has explained: a signed statement each, so that the owner of the database can add none.

A statement is a JWT `acknowledgement+jwt` by a key of the record. Its claims: `iss`, `at`, `actor`, `reason`, `finding`
(audit/problem.py), `what`, `evidence`. It is in an operational event, which is sealed as any other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.models import OperationalEvent
from audit.problem import Problem
from audit.rollups import EVENTS
from audit.sealing.checkpoints import Reader, owner
from audit.sealing.leaf import instant
from audit.verification.evidence import EARLY
from audit.writing.operational_events import record_act
from formats.masking import cleaned
from issuers.versioning.history import current_actor

ACKNOWLEDGEMENT = "acknowledgement+jwt"
MAX_REASON = 500

Signer = Callable[[dict[str, Any], str], str]
"""From claims and kind to the statement."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    at: str
    actor: str
    reason: str
    what: str
    evidence: str

    def __str__(self) -> str:
        return f"acknowledged by {self.actor} at {self.at[:16].replace('T', ' ')} UTC: {self.reason}"


class Acknowledgements:
    def __init__(self, read: Reader) -> None:
        self.forged: list[Problem] = []
        self._by_finding: dict[str, Acknowledgement] = {}
        rows = OperationalEvent.objects.filter(kind=OperationalEvent.Kind.FINDING_ACKNOWLEDGED)
        for row in rows.order_by("pk"):
            self._add(row, read)

    def of(self, problem: Problem) -> Acknowledgement | None:
        found = self._by_finding.get(problem.finding) if problem.evidence else None
        return found if found and (found.what, found.evidence) == (problem.what, problem.evidence) else None

    def rows_of_a_clock_ahead(self) -> dict[int, str]:
        """Token requests whose clock is known to have run ahead, by id, with the instant that the clock showed."""
        table, kind = f"{EVENTS} ", f"{EARLY} "
        return {
            int(known.what.removeprefix(table)): known.evidence.rpartition(" ")[2]
            for known in self._by_finding.values()
            if known.what.startswith(table) and known.evidence.startswith(kind)
        }

    def _add(self, row: OperationalEvent, read: Reader) -> None:
        name = f"acknowledgement {row.pk}"
        try:
            claims = read(row.statement, ACKNOWLEDGEMENT)
        except ValueError as error:
            self.forged.append(Problem(name, f"its statement is not the record's: {error}"))
            return
        said = {"at": instant(row.at), "actor": row.actor, "reason": row.detail, "what": row.target}
        if any(claims.get(claim) != value for claim, value in said.items()):
            self.forged.append(Problem(name, "its row does not say what its statement says"))
            return
        self._by_finding[str(claims.get("finding"))] = Acknowledgement(
            **said, evidence=str(claims.get("evidence"))
        )


def acknowledge(
    problem: Problem, *, reason: str, now: datetime, sign: Signer, address: str = ""
) -> OperationalEvent:
    """The problem has evidence, the reason at most MAX_REASON characters. `address`: of the browser, if any."""
    actor, reason = cleaned(current_actor())[:150], cleaned(reason)
    claims = {
        "iss": owner(),
        "at": instant(now),
        "actor": actor,
        "reason": reason,
        "finding": problem.finding,
        "what": problem.what,
        "evidence": problem.evidence,
    }
    return record_act(
        OperationalEvent.Kind.FINDING_ACKNOWLEDGED,
        now=now,
        actor=actor,
        address=address,
        target=problem.what,
        detail=reason,
        statement=sign(claims, ACKNOWLEDGEMENT),
    )
