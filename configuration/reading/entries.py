"""From the document to the objects that it describes: known keys, right types, no duplicates. No database."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from configuration.reading.document import Node
from configuration.reading.problems import Location, Problems
from configuration.reading.secret_sources import file_source
from configuration.reading.shape import SECTIONS, Kind
from configuration.reading.values import field_value, typed


@dataclass(frozen=True, slots=True)
class Entry:
    """One object as the file describes it. Values and positions are by field name, else by key."""

    kind: Kind
    location: Location
    values: Mapping[str, Any]
    locations: Mapping[str, Location]
    parts: Mapping[str, tuple["Entry", ...]]
    """Only the lists that the file has."""

    @property
    def identity(self) -> tuple[Any, ...]:
        return tuple(self.values.get(name) for name in self.kind.identity)

    @property
    def is_sound(self) -> bool:
        """Whether the object can be identified, and a secret's source is known; the rest may be wrong."""
        sources = self.values.keys() & set(self.kind.one_of)
        return len(sources) == bool(self.kind.one_of) and all(
            name in self.values or (self.kind.may_lack(name) and name not in self.locations)
            for name in self.kind.identity
        )

    def location_of(self, name: str) -> Location:
        return self.locations.get(name, self.location)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a file says, its sections in the order in which they depend on each other."""

    name: str
    sections: Mapping[str, tuple[Entry, ...]]


def interpret(document: Node, problems: Problems) -> Configuration:
    """The objects of the file. What is wrong is noted and left out."""
    if not isinstance(document.value, dict):
        problems.add(document.location, f"The file must be a mapping with {_listed(['name', *SECTIONS])}.")
        return Configuration(name="", sections={})
    _refuse_unknown(document.value, ["name", *SECTIONS], "", problems)
    return Configuration(
        name=_name(document, problems),
        sections={
            section: _entries(document.value[section], kind, section, problems)
            for section, kind in SECTIONS.items()
            if section in document.value
        },
    )


def _name(document: Node, problems: Problems) -> str:
    try:
        return str(typed(document.value["name"], str)) if "name" in document.value else ""
    except ValueError as error:
        problems.add(document.value["name"].location, f"name {error}")
        return ""


def _entries(node: Node, kind: Kind, section: str, problems: Problems) -> tuple[Entry, ...]:
    try:
        entries = tuple(_entry(member, kind, problems) for member in typed(node, list))
    except ValueError as error:
        problems.add(node.location, f"{section} {error}")
        return ()
    _refuse_repetition(entries, problems)
    return entries


def _entry(node: Node, kind: Kind, problems: Problems) -> Entry:
    members: dict[str, Node] = node.value if isinstance(node.value, dict) else {}
    if not isinstance(node.value, dict):
        problems.add(node.location, f"Not a mapping: each {kind.noun} is one.")
    kind = kind.variant(members)
    _refuse_unknown(members, kind.keys(), kind.hint, problems)
    _refuse_both(members, kind, problems)
    if isinstance(node.value, dict):
        _refuse_missing(node, kind, problems)
    return Entry(
        kind=kind,
        location=node.location,
        values=_values(members, kind, problems),
        locations={_name_of(key, kind): member.location for key, member in members.items()},
        parts={
            key: _entries(members[key], part, key, problems)
            for key, part in kind.parts.items()
            if key in members
        },
    )


def _values(members: Mapping[str, Node], kind: Kind, problems: Problems) -> dict[str, Any]:
    values = {}
    fields = kind.fields()
    for key, member in members.items():
        try:
            if key in fields:
                if fields[key].name in kind.needed:
                    typed(member, str)
                values[fields[key].name] = field_value(member, fields[key])
            elif key in kind.further:
                values[key] = kind.further[key](member)
            elif key in kind.in_files:
                values[key] = file_source(member)
        except ValueError as error:
            problems.add(member.location, f"{key} {error}")
    return values


def _name_of(key: str, kind: Kind) -> str:
    column = kind.fields().get(key)
    return column.name if column else key


def _refuse_unknown(members: Mapping[str, Node], known: list[str], hint: str, problems: Problems) -> None:
    for key, member in members.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            advice = f"Did you mean {near[0]}?" if near else hint or f"Known here: {_listed(known)}."
            problems.add(member.key_place, f'Unknown key "{key}". {advice}')


def _refuse_missing(node: Node, kind: Kind, problems: Problems) -> None:
    for key in kind.required():
        if key not in node.value:
            problems.add(node.location, f"{key} is missing.")
    if kind.one_of and len(node.value.keys() & set(kind.one_of)) != 1:
        problems.add(node.location, f"Exactly one of {_listed(list(kind.one_of))} must be there.")


def _refuse_both(members: Mapping[str, Node], kind: Kind, problems: Problems) -> None:
    for key, in_file in kind.in_files.items():
        own_key = kind.key(in_file.name)
        if key in members and own_key in members:
            problems.add(members[key].key_place, f"{key} stands beside {own_key}: give one of them.")


def _refuse_repetition(entries: tuple[Entry, ...], problems: Problems) -> None:
    seen = set()
    for entry in entries:
        if not entry.is_sound or entry.kind.may_repeat:
            continue
        if entry.identity in seen:
            problems.add(entry.location, f"This {entry.kind.noun} is in the file twice.")
        seen.add(entry.identity)


def _listed(names: list[str]) -> str:
    return ", ".join(names)
