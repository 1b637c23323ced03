"""A configuration file as a tree of plain values, each with its position.

YAML 1.2 reduced to what JSON can say: one document without tags, anchors and aliases. Nothing in a file can run, grow
or refer to itself. A JSON file is read as well.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StreamMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from configuration.reading.problems import START, Location, Problems
from configuration.reading.scalars import Scalar, plain_scalar, quoted_scalar

MAX_BYTES = 5 * 1024 * 1024
MAX_DEPTH = 50
MAX_VALUES = 200_000
"""The maximum of keys, values, lists and mappings. One takes about as long to read as 25 bytes of a long text."""

NOT_TAKEN = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""What is not printable (YAML 1.2.2 section 5.1), the byte order mark, and what YAML 1.1 took for a line break."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the file: a scalar, a list of nodes, or a dict of nodes by key."""

    value: Any
    location: Location
    key_place: Location
    """The position of the key that names it; in a list, the value's own position."""

    @property
    def plain(self) -> Any:
        """The value without positions, as `json.loads` would return it."""
        if isinstance(self.value, list):
            return [member.plain for member in self.value]
        if isinstance(self.value, dict):
            return {key: member.plain for key, member in self.value.items()}
        return self.value

    def in_file(self, name: str) -> "Node":
        """The same, with the name of this file in each position."""
        value = self.value
        if isinstance(value, list):
            value = [member.in_file(name) for member in value]
        if isinstance(value, dict):
            value = {key: member.in_file(name) for key, member in value.items()}
        return Node(value, replace(self.location, file=name), replace(self.key_place, file=name))


def read(data: bytes) -> Node:
    """The one document of the file. Raises InvalidConfigurationError."""
    problems = Problems()
    text = _text(data, problems)
    problems.refuse()
    node = Node(None, START, START)
    try:
        node = _document(_bounded(YAML(typ="safe", pure=True).parse(text), problems), problems)
    except MarkedYAMLError as error:
        context = f" {error.context}" if error.context else ""
        problems.add(_place(error.problem_mark or error.context_mark), f"Not YAML: {error.problem}{context}.")
    except YAMLError as error:
        problems.add(START, f"Not YAML: {type(error).__name__}.")
    problems.refuse()
    return node


def _text(data: bytes, problems: Problems) -> str:
    if len(data) > MAX_BYTES:
        problems.add(
            START,
            f"The file has more than {MAX_BYTES} bytes: split it, and apply its parts together (-f A -f B).",
        )
        return ""
    try:
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        problems.add(_place_after(data[: error.start].decode()), "Not UTF-8: save the file as UTF-8.")
        return ""
    if found := NOT_TAKEN.search(text):
        problems.add(
            _place_after(text[: found.start()]),
            f"The character U+{ord(found[0]):04X} can only be written as an escape.",
        )
    return text


def _bounded(events: Iterator[Event], problems: Problems) -> Iterator[Event]:
    """Raises InvalidConfigurationError for the first value too many."""
    count = 0
    for event in events:
        count += isinstance(event, NodeEvent)
        if count > MAX_VALUES:
            problems.add(
                _place(event.start_mark),
                f"The file has more than {MAX_VALUES} keys and values: split it, and apply its parts together "
                "(-f A -f B).",
            )
            problems.refuse()
        yield event


def _document(events: Iterator[Event], problems: Problems) -> Node:
    node = None
    for event in events:
        if isinstance(event, DocumentStartEvent) and node is not None:
            problems.add(_place(event.start_mark), "A second document: a file holds one.")
            break
        if isinstance(event, NodeEvent):
            node = _node(event, events, problems, depth=0)
    if node is None or node.value is None:
        problems.add(START, "The file is empty.")
        return Node(None, START, START)
    return node


def _node(event: Event, events: Iterator[Event], problems: Problems, *, depth: int) -> Node:
    location = _place(event.start_mark)
    if refusal := _refusal(event):
        problems.add(location, refusal)
    if depth > MAX_DEPTH:
        problems.add(location, f"Nested deeper than {MAX_DEPTH}.")
        problems.refuse()
    value: Any = None
    if isinstance(event, ScalarEvent):
        value = _scalar(event, location, problems)
    elif isinstance(event, SequenceStartEvent):
        value = [_node(item, events, problems, depth=depth + 1) for item in _until(SequenceEndEvent, events)]
    elif isinstance(event, MappingStartEvent):
        value = _mapping(events, problems, depth=depth + 1)
    return Node(value, location, location)


def _mapping(events: Iterator[Event], problems: Problems, *, depth: int) -> dict[str, Node]:
    members: dict[str, Node] = {}
    for event in _until(MappingEndEvent, events):
        key = _node(event, events, problems, depth=depth)
        member = _node(next(events), events, problems, depth=depth)
        if not isinstance(key.value, str):
            problems.add(key.location, "A key must be a text: put it in quotes.")
        elif key.value in members:
            problems.add(key.location, f'The key "{key.value}" is given twice.')
        else:
            members[key.value] = Node(member.value, member.location, key.location)
    return members


def _until(end: type[Event], events: Iterator[Event]) -> Iterator[Event]:
    for event in events:
        if isinstance(event, end):
            return
        yield event


def _refusal(event: Event) -> str | None:
    if isinstance(event, AliasEvent):
        return "An alias: write the value out."
    if isinstance(event, NodeEvent) and event.anchor is not None:
        return "An anchor: leave it out, aliases are not taken."
    if getattr(event, "tag", None) is not None:
        return "A tag: leave it out, values have the types of JSON."
    return None


def _scalar(event: ScalarEvent, location: Location, problems: Problems) -> Scalar:
    is_plain = event.implicit[0]
    try:
        return plain_scalar(event.value) if is_plain else quoted_scalar(event.value)
    except ValueError as error:
        problems.add(location, str(error))
        return None


def _place(mark: StreamMark | None) -> Location:
    return Location(line=mark.line + 1, column=mark.column + 1) if mark else START


def _place_after(text: str) -> Location:
    lines = text.split("\n")
    return Location(line=len(lines), column=len(lines[-1]) + 1)
