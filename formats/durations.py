"""Durations as people write them: `90 days`, `1 h 30 min`, `3600`."""

import re

UNITS = {"year": 31_536_000, "day": 86_400, "h": 3_600, "min": 60, "s": 1}
"""Seconds of each unit in which a duration is written; a year has 365 days."""
NAMES = {
    "year": "year", "years": "year", "y": "year",
    "week": "week", "weeks": "week", "w": "week",
    "day": "day", "days": "day", "d": "day",
    "h": "h", "hour": "h", "hours": "h",
    "min": "min", "minute": "min", "minutes": "min", "m": "min",
    "s": "s", "sec": "s", "second": "s", "seconds": "s",
}  # fmt: skip
"""The names by which a unit may be called. A month is none: it has no length of its own."""
SECONDS = UNITS | {"week": 604_800}
PART = re.compile(r"\s*([0-9]{1,12})\s*([a-z]*)[\s,]*")
SECONDS_ALONE = re.compile(r"[0-9]{1,12}")
HOW = "Write a duration such as 90 days, 1 year, 1 h 30 min, or a number of seconds."


def read_duration(text: str) -> int:
    """In seconds. A number without a unit is seconds, and stands alone. Raises ValueError that says how to write it."""
    text = text.strip().lower()
    if SECONDS_ALONE.fullmatch(text):
        return int(text)
    parts = PART.findall(text)
    if not parts or PART.sub("", text) or any(unit not in NAMES for _, unit in parts):
        raise ValueError(HOW)
    units = [NAMES[unit] for _, unit in parts]
    if len(set(units)) < len(units):
        raise ValueError(f"A unit stands twice. {HOW}")
    return sum(int(number) * SECONDS[unit] for (number, _), unit in zip(parts, units, strict=True))


def write_duration(seconds: int) -> str:
    """In the largest units that fit, such as `1 h 30 min`; years only where nothing is left over."""
    parts: list[str] = []
    for unit, length in UNITS.items():
        if unit == "year" and seconds % length:
            continue
        number, seconds = divmod(seconds, length)
        if number:
            parts.append(f"{number} {unit}{'s' if unit in {'year', 'day'} and number > 1 else ''}")
    return " ".join(parts) or "0 s"
