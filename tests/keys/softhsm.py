"""A PKCS#11 token of SoftHSM, in place of an HSM."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pkcs11
from pkcs11 import Attribute, ObjectClass

from keys.pkcs11.token import in_token
from keys.pkcs11.uri import Pkcs11Uri

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "1234"
TOKEN = "idp"
URI = f"pkcs11:token={TOKEN}"


@dataclass(frozen=True, slots=True)
class SoftHsm:
    directory: Path

    @property
    def configuration(self) -> Path:
        return self.directory / "softhsm2.conf"

    @property
    def environment(self) -> dict[str, str]:
        """What a server needs to sign with it."""
        return {
            "SOFTHSM2_CONF": str(self.configuration),
            "PKCS11_MODULE": str(MODULE),
            "PKCS11_PIN": PIN,
        }

    def make_token(self) -> None:
        tokens = self.directory / "tokens"
        tokens.mkdir()
        self.configuration.write_text(f"directories.tokendir = {tokens}\nlog.level = ERROR\n")
        self.run("--init-token", "--free", "--label", TOKEN, "--so-pin", "12345678", "--pin", PIN)

    def take_in(self, key: Path, *, label: str, key_id: bytes) -> None:
        """Put a private key in PKCS#8 into the token, and its public half, as an operator does."""
        self.run("--import", str(key), "--token", TOKEN, "--label", label, "--id", key_id.hex(), "--pin", PIN)

    def run(self, *arguments: str) -> None:
        command = ["softhsm2-util", *arguments]
        subprocess.run(command, env=os.environ | self.environment, check=True, capture_output=True)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Without the token for the length of the block."""
        tokens, elsewhere = self.directory / "tokens", self.directory / "elsewhere"
        tokens.rename(elsewhere)
        try:
            yield
        finally:
            elsewhere.rename(tokens)


def private_keys() -> "list[pkcs11.Object]":
    """The private keys that the token holds."""
    return in_token(
        Pkcs11Uri.parse(URI),
        lambda opened: list(opened.session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})),
    )


def labels() -> list[str]:
    return sorted(key[Attribute.LABEL] for key in private_keys())
