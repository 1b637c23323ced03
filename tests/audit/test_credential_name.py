"""audit/credential_name.py: what proved a client has one name, which is read as it is written."""

import pytest

from audit.credential_name import CredentialKind, CredentialName

NAMES = {
    "secret:17": CredentialName(CredentialKind.SECRET, 17),
    "federated:4": CredentialName(CredentialKind.FEDERATED, 4),
    "key:9:x-Y_0": CredentialName(CredentialKind.KEY, 9, "x-Y_0"),
    "certificate:9:AbC": CredentialName(CredentialKind.CERTIFICATE, 9, "AbC"),
}


@pytest.mark.parametrize("text", NAMES)
def test_a_name_is_read_as_it_is_written(text: str) -> None:
    assert CredentialName.parse(text) == NAMES[text]
    assert str(NAMES[text]) == text


NO_NAMES = [
    "", "secret", "secret:", "secret:x", "secret:-1", "secret:\N{ARABIC-INDIC DIGIT ONE}", "token:1", "secret:1:",
    " secret:1", "1" * 99, "secret:" + "9" * 19,
]  # fmt: skip


@pytest.mark.parametrize("text", NO_NAMES)
def test_what_names_no_credential_is_none(text: str) -> None:
    assert CredentialName.parse(text) is None
