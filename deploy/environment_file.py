"""Runs a command in the environment that systemd would make of an EnvironmentFile. No shell reads the file.

Usage: environment_file.py FILE COMMAND [ARGUMENT...]

The rules are those of systemd.exec(5), as its env-file.c applies them: comments with # or ; at the beginning of a
line, white space around a name or an unquoted value dropped, quotes at the beginning of a value, a backslash before the
end of a line.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
BLANKS, ENDS = " \t", "\r\n"
ESCAPED_IN_QUOTES = '"\\`$'


def variables(text: str) -> Iterator[tuple[str, str]]:
    """Each assignment in the order of the file; a later one of the same name wins."""
    rest = Characters(text)
    while rest.skip(BLANKS + ENDS):
        if rest.peek() in "#;":
            rest.until_end_of_comment()
            continue
        name, has_value = rest.name()
        if has_value:
            yield name, rest.value()


class Characters:
    """What is left to read of the file."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def take(self) -> str:
        character = self.peek()
        self._at += 1
        return character

    def skip(self, those: str) -> bool:
        """Whether anything is left behind those."""
        while (character := self.peek()) and character in those:
            self._at += 1
        return bool(self.peek())

    def until_end_of_comment(self) -> None:
        """A backslash at its end takes the next line into the comment in some versions of systemd and not in others."""
        end = re.compile(r"[\r\n]|\Z").search(self._text, self._at)
        line = self._text[self._at : end.start()] if end else ""
        if line.endswith("\\"):
            sys.exit(f"A comment must not end with a backslash: {line}")
        self._at += len(line)

    def name(self) -> tuple[str, bool]:
        """The text before the equals sign, and whether the line has one behind its first character."""
        found = self.take()
        while (character := self.take()) and character not in ENDS:
            if character == "=":
                return found.rstrip(BLANKS), True
            found += character
        return found, False

    def value(self) -> str:
        """Quoted pieces, one behind the other, and at last one without quotes."""
        found = ""
        while self.skip(BLANKS):
            character = self.peek()
            if character in ENDS:
                break
            if character not in "'\"":
                return found + self._unquoted()
            self.take()
            found += self._until_quote() if character == "'" else self._until_double_quote()
        return found

    def _unquoted(self) -> str:
        found, kept = "", 0
        while (character := self.take()) and character not in ENDS:
            is_escaped = character == "\\"
            if is_escaped and (character := self.take()) in ENDS:
                character = ""
            found += character
            if is_escaped or character not in BLANKS:
                kept = len(found)
        return found[:kept]

    def _until_quote(self) -> str:
        found = ""
        while (character := self.take()) and character != "'":
            found += character
        return found

    def _until_double_quote(self) -> str:
        found = ""
        while (character := self.take()) and character != '"':
            if character == "\\":
                character = self.take()
                if character == "\n":
                    continue
                found += "" if character in ESCAPED_IN_QUOTES else "\\"
            found += character
        return found


def main(path: str, command: list[str]) -> None:
    environment = dict(os.environ)
    for name, value in variables(Path(path).read_text(encoding="utf-8")):
        if NAME.fullmatch(name):
            environment[name] = value
        else:
            sys.stderr.write(f"{path}: {name!r} is not a name of a variable; ignored, as systemd does.\n")
    os.execvpe(command[0], command, environment)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
