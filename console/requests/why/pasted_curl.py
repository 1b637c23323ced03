"""A pasted curl command as the request that it would send. It is read strictly: what is not understood is refused.

No message repeats a value of the command, which may be a secret.
"""

import base64
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote_plus

VARIABLE = re.compile(r"\$(?:\{?[A-Za-z_]|\()")
OPTION = re.compile(r"--[a-z0-9.-]{1,24}")
"""A name that no secret has."""
LONG = {
    "-u": "--user", "-d": "--data", "-H": "--header", "-X": "--request", "-E": "--cert", "-m": "--max-time",
    "-o": "--output", "-w": "--write-out", "-A": "--user-agent", "-x": "--proxy",
}  # fmt: skip
"""Options with a value, by their letter."""
DATA = frozenset({"--data", "--data-raw", "--data-ascii", "--data-binary", "--data-urlencode"})
IGNORED = frozenset({
    "--cert", "--key", "--cacert", "--capath", "--cert-type", "--key-type", "--pass", "--max-time", "--output",
    "--write-out", "--user-agent", "--proxy", "--connect-timeout", "--retry", "--resolve", "--noproxy",
})  # fmt: skip
"""Options with a value that change nothing here."""
SWITCHES = frozenset({
    "--silent", "--show-error", "--fail", "--fail-with-body", "--insecure", "--verbose", "--include", "--location",
    "--compressed", "--http1.1", "--http2", "--basic", "--no-progress-meter",
})  # fmt: skip
LETTERS = frozenset("sSfkviL")
"""Of those switches."""


class CurlError(Exception):
    """The command is not understood. The text is for who pasted it."""


@dataclass(slots=True)
class CurlRequest:
    url: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list, repr=False)
    data: list[str] = field(default_factory=list, repr=False)
    user: str | None = field(default=None, repr=False)
    method: str = ""

    @property
    def authorization(self) -> str | None:
        """What --user makes of it (RFC 7617)."""
        return None if self.user is None else "Basic " + base64.b64encode(self.user.encode()).decode()


def read_curl(command: str) -> CurlRequest:
    """Raises CurlError."""
    read = CurlRequest()
    for option, value in _options(_words(command)):
        if option in DATA:
            read.data.append(_data(option, value))
        elif option not in IGNORED:
            _TAKEN[option](read, value)
    return _whole(read)


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command.replace("\\\r\n", " ").replace("\\\n", " "))
    except ValueError as error:
        raise CurlError("A quotation mark is not closed.") from error
    if words[:1] != ["curl"]:
        raise CurlError("It does not begin with curl.")
    return words[1:]


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """Each option that takes a value, by its long name, and the URL as that of --url."""
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            yield "--url", word
        elif word.startswith("--"):
            yield from _long(word, rest)
        else:
            yield from _short(word, rest)


def _long(word: str, rest: Iterator[str]) -> Iterator[tuple[str, str]]:
    if word in SWITCHES:
        return
    if word not in DATA | IGNORED | _TAKEN.keys():
        named = f"The option {word}" if OPTION.fullmatch(word) else "An option"
        raise CurlError(f"{named} is not known here: leave it out.")
    yield word, _value_of(word, rest)


def _short(word: str, rest: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Switches may stand together, and an option's value right behind its letter."""
    for place, letter in enumerate(word[1:], start=1):
        if letter in LETTERS:
            continue
        option = LONG.get(f"-{letter}")
        if option is None:
            raise CurlError(f"The option -{letter} is not known here: leave it out.")
        yield option, word[place + 1 :] or _value_of(option, rest)
        return


def _value_of(option: str, rest: Iterator[str]) -> str:
    value = next(rest, None)
    if value is None:
        raise CurlError(f"The option {option} has no value.")
    return value


def _data(option: str, value: str) -> str:
    """As it stands in the body."""
    name, equals, content = value.partition("=")
    is_encoded = option == "--data-urlencode"
    if (value.startswith("@") and option != "--data-raw") or (is_encoded and not equals and "@" in value):
        raise CurlError(f"{option} names a file: write its content into the command.")
    _refuse_variable(option, value)
    if not is_encoded:
        return value
    if not equals:
        return quote_plus(value)
    return f"{name}={quote_plus(content)}" if name else quote_plus(content)


def _refuse_variable(option: str, value: str) -> None:
    if VARIABLE.search(value):
        raise CurlError(f"{option} has a variable of the shell: write its value into the command.")


def _take_url(read: CurlRequest, value: str) -> None:
    if read.url:
        raise CurlError("The command has two URLs.")
    _refuse_variable("The URL", value)
    read.url = value


def _take_user(read: CurlRequest, value: str) -> None:
    _refuse_variable("--user", value)
    if ":" not in value:
        raise CurlError("--user has no colon with the secret behind it.")
    read.user = value


def _take_header(read: CurlRequest, value: str) -> None:
    name, colon, content = value.partition(":")
    if not colon:
        raise CurlError("A header has no colon.")
    _refuse_variable("--header", value)
    read.headers.append((name.strip(), content.strip()))


def _take_method(read: CurlRequest, value: str) -> None:
    read.method = value


_TAKEN: dict[str, Callable[[CurlRequest, str], None]] = {
    "--url": _take_url,
    "--user": _take_user,
    "--header": _take_header,
    "--request": _take_method,
}


def _whole(read: CurlRequest) -> CurlRequest:
    if not read.url:
        raise CurlError("The command has no URL.")
    if read.method not in ("", "POST") or not read.data:
        raise CurlError("The command sends no POST with a body: a token is asked for by POST, with -d.")
    return read
