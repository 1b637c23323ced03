"""Columns that hold a duration, and their limits in words."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from formats.durations import write_duration


class Seconds(models.PositiveIntegerField):  # type: ignore[type-arg]
    """A duration. For the database and its migrations it is a number; a form shows and takes it as `90 days`."""

    def deconstruct(self) -> Any:
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.PositiveIntegerField", args, options


def at_least(seconds: int) -> MinValueValidator:
    return MinValueValidator(seconds, f"At least {write_duration(seconds)}.")


def at_most(seconds: int) -> MaxValueValidator:
    return MaxValueValidator(seconds, f"At most {write_duration(seconds)}.")
