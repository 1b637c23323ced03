"""One variable of the environment as the kind of value that it must be; anything else is refused with its name."""

import ipaddress
import os
import re
import ssl
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
Network = IPv4Network | IPv6Network
Variables = Mapping[str, str]


def text_of(env: Variables, name: str, *, default: str) -> str:
    path = env.get(f"{name}_FILE")
    if name in env or not path:
        return env.get(name, default)
    try:
        # Editors of other systems put a byte order mark at the beginning, and CR LF at the end.
        return Path(path).read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise ImproperlyConfigured(
            f"{name}_FILE must be text in UTF-8: save {path} in that encoding."
        ) from error
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error}.") from error


def directory_of(env: Variables, name: str, *, default: Path) -> Path:
    text = text_of(env, name, default=str(default))
    if not text:
        raise ImproperlyConfigured(f"{name} is empty: name a directory, or unset it for {default}.")
    return Path(text).absolute()


def make_directory(name: str, directory: Path) -> None:
    """Make the directory, for this user alone, if it is not there. Raises ImproperlyConfigured."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name}: user {os.geteuid()} cannot make the directory {directory} ({error.strerror}). "
            "Make it and give it to that user, or name another directory."
        ) from error
    check_writable(name, directory)


def check_writable(name: str, directory: Path) -> None:
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ImproperlyConfigured(
            f"{name}: files have to be made in {directory}, and user {os.geteuid()} cannot write to it. "
            "Give that user the directory, or name another one."
        )


def file_of(env: Variables, name: str) -> Path | None:
    """A file that will be made if it is not there; None if none is named."""
    text = text_of(env, name, default="")
    if not text:
        return None
    path = Path(text).absolute()
    if "\0" in text or path.is_dir() or not path.parent.is_dir():
        raise ImproperlyConfigured(f"{name} must be a file in a directory that is there. It is {text!r}.")
    return path


def token_directory_of(env: Variables, name: str) -> Path | None:
    """A directory that is there; None if none is named. Not the root, below which every file lies."""
    text = text_of(env, name, default="")
    if not text:
        return None
    path = Path(text)
    if "\0" in text or not path.is_absolute() or not path.is_dir() or path.resolve() == Path("/"):
        raise ImproperlyConfigured(
            f"{name} must be the absolute path of a directory that is there and holds tokens alone. "
            f"It is {text!r}."
        )
    return path


def listed(env: Variables, name: str) -> tuple[str, ...]:
    return tuple(filter(None, (text.strip() for text in text_of(env, name, default="").split(","))))


def networks_of(env: Variables, name: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(text) for text in listed(env, name))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is a comma-separated list of CIDRs: {error}.") from error


def bundle_of(env: Variables, name: str) -> str:
    """The path of a file with the certificates of authorities, empty if there is none."""
    path = text_of(env, name, default="")
    if not path:
        return ""
    try:
        authorities = ssl.create_default_context(cafile=path).get_ca_certs()
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(
            f"{name} must be a file of certificates in PEM: {path!r}: {error}."
        ) from error
    if not authorities:
        raise ImproperlyConfigured(f"{name} must hold the certificate of an authority: {path!r} has none.")
    return str(Path(path).absolute())


def address_of(env: Variables, name: str, *, default: str) -> str:
    text = text_of(env, name, default=default)
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is the IP address to listen on: {error}.") from error
    return netloc(str(address), None)


def whole_number_of(env: Variables, name: str, *, default: int, smallest: int, largest: int) -> int:
    text = text_of(env, name, default=str(default))
    if not (WHOLE_NUMBER.fullmatch(text) and smallest <= int(text) <= largest):
        raise ImproperlyConfigured(
            f"{name} must be a whole number from {smallest} to {largest}. It is {text!r}."
        )
    return int(text)


def switch_of(env: Variables, name: str) -> bool:
    return one_of(env, name, ("false", "true")) == "true"


def one_of(env: Variables, name: str, choices: tuple[str, ...]) -> str:
    """The variable's value, the first choice if it is missing."""
    text = text_of(env, name, default=choices[0])
    if text not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}. It is {text!r}.")
    return text


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def netloc(host: str | None, port: int | None) -> str:
    name = f"[{host}]" if host and ":" in host else f"{host}"
    return name if port is None else f"{name}:{port}"
