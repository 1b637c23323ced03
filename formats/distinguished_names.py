"""Distinguished names as RFC 4514 writes them, compared by their meaning: `CN=billing,O=Acme,C=SE`."""

import re

from cryptography import x509

MAX_NAME_LENGTH = 2048
MAX_SHORT_FORM_LENGTH = 127

ATTRIBUTES = {
    "cn": "2.5.4.3", "sn": "2.5.4.4", "serialnumber": "2.5.4.5", "c": "2.5.4.6", "l": "2.5.4.7", "st": "2.5.4.8",
    "street": "2.5.4.9", "o": "2.5.4.10", "ou": "2.5.4.11", "title": "2.5.4.12", "description": "2.5.4.13",
    "businesscategory": "2.5.4.15", "postalcode": "2.5.4.17", "name": "2.5.4.41", "gn": "2.5.4.42",
    "givenname": "2.5.4.42", "surname": "2.5.4.4", "initials": "2.5.4.43", "dnqualifier": "2.5.4.46",
    "pseudonym": "2.5.4.65", "organizationidentifier": "2.5.4.97", "uid": "0.9.2342.19200300.100.1.1",
    "dc": "0.9.2342.19200300.100.1.25", "emailaddress": "1.2.840.113549.1.9.1",
}  # fmt: skip
"""The types of RFC 4514 section 3, and others that OpenSSL writes. Any other type is written as its OID."""
STRING_TYPES = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii", 0x1E: "utf-16-be"}
"""The ASN.1 tags that a `#` value may have."""

CHARACTER = r"""(?:\\[ "#+,;<=>\\]|\\[0-9A-Fa-f]{2}|[^\\"+,;<>\0 ])"""
ATTRIBUTE = re.compile(
    r"[ ]*(?P<type>[A-Za-z][A-Za-z0-9-]*|(?:OID\.)?[0-2](?:\.(?:0|[1-9][0-9]*))+)[ ]*=[ ]*"
    rf"(?:#(?P<hex>(?:[0-9A-Fa-f]{{2}})+)|(?P<text>(?!\#)(?:{CHARACTER}(?:[ ]*{CHARACTER})*)?))"
    r"[ ]*(?P<end>[+,]|\Z)",
    re.IGNORECASE,
)
"""One attribute, and what follows it. Spaces around it, which OpenSSL writes, do not count; those inside do."""
ESCAPED = re.compile(r"\\([0-9A-Fa-f]{2})|\\(.)|([^\\]+)")

Name = tuple[frozenset[tuple[str, str]], ...]
"""Relative names, the most general first, each a set of OID and value."""


def parsed_name(text: str) -> Name:
    """Raises ValueError, whose text is for the operator. The empty text is the empty name."""
    if len(text) > MAX_NAME_LENGTH:
        raise ValueError(f"A name has at most {MAX_NAME_LENGTH} characters.")
    relative_names: list[set[tuple[str, str]]] = [set()] if text else []
    position, end = 0, "," if text else ""
    while end:
        attribute = ATTRIBUTE.match(text, position)
        if attribute is None:
            raise ValueError(
                f"This is not a name such as CN=billing,O=Acme,C=SE: look at {text[position:][:30]!r}."
            )
        relative_names[-1].add((_oid(attribute["type"]), _value(attribute)))
        position, end = attribute.end(), attribute["end"]
        if end == ",":
            relative_names.append(set())
    return tuple(frozenset(each) for each in reversed(relative_names))


def name_of(name: x509.Name) -> Name:
    return tuple(
        frozenset((attribute.oid.dotted_string, str(attribute.value)) for attribute in relative_name)
        for relative_name in name.rdns
    )


def _oid(attribute_type: str) -> str:
    lower = attribute_type.lower().removeprefix("oid.")
    if lower[0].isdigit():
        return lower
    if lower not in ATTRIBUTES:
        raise ValueError(
            f"The attribute {attribute_type} is not known: write its OID, such as 2.5.4.3 for CN."
        )
    return ATTRIBUTES[lower]


def _value(attribute: re.Match[str]) -> str:
    try:
        value = (
            _of_hex(bytes.fromhex(attribute["hex"])) if attribute["hex"] else _unescaped(attribute["text"])
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"The value of {attribute['type']} is not in its encoding.") from error
    if not value:
        raise ValueError(f"The attribute {attribute['type']} has no value.")
    return value


def _of_hex(der: bytes) -> str:
    """RFC 4514 section 2.4: the DER of a string, whose length is in one byte here."""
    header, content = der[:2], der[2:]
    encoding = STRING_TYPES.get(header[0])
    if encoding is None or len(content) > MAX_SHORT_FORM_LENGTH or header[1:] != bytes([len(content)]):
        raise ValueError("A value after # is the DER of a short string: write it as text.")
    return content.decode(encoding)


def _unescaped(text: str) -> str:
    """Hexadecimal pairs are bytes of UTF-8."""
    parts = (
        bytes.fromhex(pair) if pair else (escaped or plain).encode()
        for pair, escaped, plain in ESCAPED.findall(text)
    )
    return b"".join(parts).decode()
