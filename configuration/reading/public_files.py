"""Public keys and certificates that lie in a file beside the configuration. A private key among them is refused."""

import json
from typing import Any

from configuration.reading.secret_sources import FromFile, Surroundings
from formats.pem import holds_private_key
from formats.strict_json import StrictDecoder
from relying_parties.jwks.client_keys import KeyRefusedError
from relying_parties.jwks.pem_keys import as_jwk_set, is_pem, jwk_set_of_pem

MAX_PUBLIC_FILE_LENGTH = 256 * 1024
"""Bytes: twenty keys with their certificates, or fifty certificates of authorities."""


def jwks_in(file: FromFile, surroundings: Surroundings) -> Any:
    """The JWK Set of the file: as it stands, or made of a JWK or of PEM. Raises ValueError."""
    text = certificates_in(file, surroundings)
    try:
        return jwk_set_of_pem(text) if is_pem(text) else as_jwk_set(json.loads(text, cls=StrictDecoder))
    except KeyRefusedError as error:
        raise ValueError(f"{file.located(surroundings)}: {error}") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{file.located(surroundings)} is not JSON: {error.msg}.") from error
    except RecursionError as error:
        raise ValueError(f"{file.located(surroundings)} is nested too deep.") from error


def certificates_in(file: FromFile, surroundings: Surroundings) -> str:
    """The text of the file. Raises ValueError."""
    text = file.read(surroundings, longest=MAX_PUBLIC_FILE_LENGTH)
    if holds_private_key(text):
        raise ValueError(f"{file.located(surroundings)} holds a private key: give what is public alone.")
    return text
