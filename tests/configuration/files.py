"""Configuration files as tests write them."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest
from django.utils import timezone

from configuration.applying.apply import apply
from configuration.plan import Plan
from configuration.reading.document import read
from configuration.reading.entries import Configuration, interpret
from configuration.reading.problems import InvalidConfigurationError, Problems
from configuration.reading.secret_sources import Surroundings


def applied(
    text: str, *, environment: Mapping[str, str] | None = None, folder: Path = Path(), dry_run: bool = False
) -> Plan:
    surroundings = Surroundings(environment=environment or {}, folder=folder)
    return apply(dedent(text).encode(), surroundings=surroundings, dry_run=dry_run, now=timezone.now())


def problems_of(
    text: str, *, environment: Mapping[str, str] | None = None, folder: Path = Path()
) -> list[str]:
    """The lines that refuse this file."""
    with pytest.raises(InvalidConfigurationError) as refusal:
        applied(text, environment=environment, folder=folder)
    return list(refusal.value.lines("f"))


def unreadable(data: bytes) -> list[str]:
    """The lines that refuse these bytes as a document."""
    with pytest.raises(InvalidConfigurationError) as refusal:
        read(data)
    return list(refusal.value.lines("f"))


def interpreted(text: str) -> tuple[Configuration, list[str]]:
    """What the file tells of, and the lines about what is wrong; without a database."""
    problems = Problems()
    configuration = interpret(read(dedent(text).encode()), problems)
    return configuration, list(InvalidConfigurationError(tuple(sorted(problems.found))).lines("f"))


def details(plan: Plan) -> list[str]:
    return [str(change) for change in plan.changes]
